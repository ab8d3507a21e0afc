// What the shim tells of a launch on the way, so that two accesses of one place that nothing orders are found
// whatever order the threads ran in, and what only this processor permits (make test-cuda-tsan: watch/*.cpp).
// Elsewhere nothing comes of it: watch/none.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace densor::cuda::host {

// How far each thread of a block has come, and how much each knows of the others: vector clocks (Flanagan and
// Freund, "FastTrack", 2009). An access is ordered behind another thread's if that thread was heard of since.
class Clocks {
 public:
  using Times = std::vector<std::uint32_t>;
  using Known = std::shared_ptr<const Times>;  // nullptr: nothing
  // A place in the course of a thread: what is done there by a unit beside it.
  struct Moment {
    int thread;
    Known known;
  };

  void begin(int threads);
  // Each of these hears of all that the others did: the whole block, or lanes of the warp that begins here.
  void meet();
  void meet(int first, std::uint32_t lanes);

  // Who arrives at a barrier in shared memory is heard of by those who wait for it, once it has turned.
  void init(const void* barrier);
  void arrive(const void* barrier, int thread);
  void arrive(const void* barrier, const Moment& moment);
  void turn(const void* barrier);
  void leave(const void* barrier, int thread);
  Moment moment(int thread);

  std::uint32_t time(int thread) const;  // of `thread` itself
  const Times* known(int thread) const;

 private:
  struct Barrier {
    Times arriving, turned;
  };
  void hear(int thread, const Times& times);
  void add_to(Times& times, int thread) const;

  Times now_;
  std::vector<Known> known_;
  std::map<const void*, Barrier> barriers_;
};

namespace watch {

// A launch begins, or all blocks of one have met: what was before is ordered.
void order_all();
// Throws where accesses since the launch began were not ordered, and says which, or where a fault was noted.
void report();
void note_fault(const std::string& fault);
// This thread of the block with these clocks runs, until it is left; its own stack is nobody else's.
void enter(const Clocks& clocks, std::uint32_t block, int thread, std::span<const std::byte> stack);
void leave();
// Memory that is another variable's from now on.
void forget(const void* memory, std::size_t bytes);
// A unit beside the thread has copied.
void copied(void* to, const void* from, std::size_t bytes, const Clocks::Moment& moment);
// The running thread changes a place as one of many that may do so at once.
void change_atomically(void* at, std::size_t bytes);

// While one lives, the running thread does what is the shim's, not the kernel's. It must not wait meanwhile.
struct Aside {
  Aside();
  ~Aside();
  Aside(const Aside&) = delete;
};

}  // namespace watch

}  // namespace densor::cuda::host
