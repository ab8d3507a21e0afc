// A block of threads on the host: one fiber a thread, in ascending or descending order, so that a missing
// barrier shows in one of the two.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/host/fiber.h"
#include "cuda/host/watch.h"

namespace densor::cuda::host {

enum class Order { ascending, descending };

inline constexpr int kWarp = 32;

class Block {
 public:
  // Runs `body(thread)` for all threads of the block at this place in its grid. Throws Error(runtime) where a
  // barrier is reached by some of them only.
  void run(std::uint32_t index, int threads, Order order, const std::function<void(int thread)>& body);
  // The same in pieces: `begin`, then `advance` until it says that all have ended. It returns as well when
  // all wait for other blocks, and `pass` lets them go on.
  void begin(std::uint32_t index, int threads);
  bool advance(Order order, const std::function<void(int thread)>& body);
  void pass();

  // Called by the body of a thread.
  void barrier();
  // Until `ready`, which others bring about.
  void wait_until(const std::function<bool()>& ready);
  // Work of a unit beside the threads: done at once where they run in ascending order, else as late as can
  // be, so that who relies on either is found out.
  void beside(std::function<void()> work);
  void meet() { wait(Wait::grid); }  // of all blocks
  // All lanes of `mask` in this thread's warp leave their value and see those of the others until the next
  // exchange.
  const std::uint64_t* exchange(std::uint32_t mask, std::uint64_t value);
  int thread() const { return current_; }
  Clocks& clocks() { return clocks_; }

 private:
  enum class Wait { nothing, block, warp, condition, grid };
  struct Thread {
    Wait wait = Wait::nothing;
    std::uint32_t mask = 0;
    const std::function<bool()>* ready = nullptr;
    bool started = false, done = false;
  };
  struct Warp {
    std::uint64_t values[2][kWarp] = {};  // the lanes of one exchange may still read while the next begins
    std::uint32_t turn[kWarp] = {};
  };

  bool step(int thread, const std::function<void(int)>& body);
  bool release();
  bool release_warps();
  bool release_conditions();
  bool catch_up();
  void wait(Wait what);

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::function<void()>> beside_;
  Clocks clocks_;
  std::uint32_t index_ = 0;
  bool at_once_ = true;
  int current_ = 0;
};

}  // namespace densor::cuda::host
