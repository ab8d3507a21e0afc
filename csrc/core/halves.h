// Blocks that two workers share out as they go: each walks through its half, and takes from the end of the
// other's when its own is done. So each has nearly the same blocks in every step, in its cache, and waits for
// the other, which may run on a slower core, at most a block long.
#pragma once

#include <atomic>
#include <cstdint>

namespace densor {

class Halves {
 public:
  // Before the workers start.
  void reset(std::uint32_t blocks) {
    left_[0].range.store(blocks / 2, std::memory_order_relaxed);
    left_[1].range.store(std::uint64_t{blocks / 2} << 32U | blocks, std::memory_order_relaxed);
  }

  // The next block for worker 0 or 1; -1: there are none left.
  std::int64_t take(int worker) {
    const std::int64_t own = left_[worker].take(true);
    return own >= 0 ? own : left_[1 - worker].take(false);
  }

 private:
  struct alignas(128) Left {
    std::atomic<std::uint64_t> range{0};  // begin and end, 32 bits each

    std::int64_t take(bool front) {
      std::uint64_t now = range.load(std::memory_order_relaxed);
      for (;;) {
        const std::uint64_t begin = now >> 32U, end = now & 0xffffffffU;
        if (begin >= end) return -1;
        const std::uint64_t after = front ? (begin + 1) << 32U | end : begin << 32U | (end - 1);
        if (range.compare_exchange_weak(now, after, std::memory_order_relaxed))
          return static_cast<std::int64_t>(front ? begin : end - 1);
      }
    }
  };

  Left left_[2];
};

}  // namespace densor
