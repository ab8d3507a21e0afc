// A block of threads on the host: one fiber a thread, in ascending or descending order, so that a missing
// barrier shows in one of the two.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/host/fiber.h"

namespace densor::cuda::host {

enum class Order { ascending, descending };

inline constexpr int kWarp = 32;

class Block {
 public:
  // Runs `body(thread)` for all threads. Throws Error(runtime) where a barrier is reached by some of them
  // only.
  void run(int threads, Order order, const std::function<void(int thread)>& body);

  // Called by the body of a thread.
  void barrier();
  // All lanes of `mask` in this thread's warp leave their value and see those of the others until the next
  // exchange.
  const std::uint64_t* exchange(std::uint32_t mask, std::uint64_t value);
  int thread() const { return current_; }

 private:
  enum class Wait { nothing, block, warp };
  struct Thread {
    Wait wait = Wait::nothing;
    std::uint32_t mask = 0;
    bool started = false, done = false;
  };
  struct Warp {
    std::uint64_t values[2][kWarp] = {};  // the lanes of one exchange may still read while the next begins
    std::uint32_t turn[kWarp] = {};
  };

  bool step(int thread, const std::function<void(int)>& body);
  bool release();
  bool release_warps();
  void wait(Wait what);

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  int current_ = 0;
};

}  // namespace densor::cuda::host
