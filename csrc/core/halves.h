// Blocks that two workers share out as they go: each walks through its half, and takes from the end of the
// other's when its own is done. So each has nearly the same blocks in every step, in its cache, and waits for
// the other, which may run on a slower core, at most a block long.
#pragma once

#include <cstdint>

#include "core/block_range.h"

namespace densor {

class Halves {
 public:
  // Before the workers start.
  void reset(std::uint32_t blocks) {
    left_[0].reset(0, blocks / 2);
    left_[1].reset(blocks / 2, blocks);
  }

  // The next block for worker 0 or 1; -1: there are none left.
  std::int64_t take(int worker) {
    const std::int64_t own = left_[worker].take(true);
    return own >= 0 ? own : left_[1 - worker].take(false);
  }

 private:
  BlockRange left_[2];
};

}  // namespace densor
