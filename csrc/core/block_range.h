// A range of blocks that one worker takes from the front and others from the back.
#pragma once

#include <atomic>
#include <cstdint>

namespace densor {

class alignas(128) BlockRange {
 public:
  // Who takes a block sees what was written before.
  void reset(std::uint32_t begin, std::uint32_t end) {
    range_.store(std::uint64_t{begin} << 32U | end, std::memory_order_release);
  }

  // The first or the last block that is left; -1: there are none.
  std::int64_t take(bool front) {
    std::uint64_t now = range_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t begin = now >> 32U, end = now & 0xffffffffU;
      if (begin >= end) return -1;
      const std::uint64_t after = front ? (begin + 1) << 32U | end : begin << 32U | (end - 1);
      if (range_.compare_exchange_weak(now, after, std::memory_order_acquire))
        return static_cast<std::int64_t>(front ? begin : end - 1);
    }
  }

  // Leaves nothing to take. Returns the end of what was left: blocks from there on have been taken from the
  // back.
  std::uint32_t close() {
    return static_cast<std::uint32_t>(range_.exchange(0, std::memory_order_acquire) & 0xffffffffU);
  }

 private:
  std::atomic<std::uint64_t> range_{0};  // begin and end, 32 bits each
};

}  // namespace densor
