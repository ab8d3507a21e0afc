// How a worker whose part of a product is done helps the others, which may run on slower cores: in its last
// pass, a worker takes blocks of its rows from the front, and whoever is done takes them from the back. They
// read the panels of b that it has packed. It waits for them in the end, so that its part is whole when it
// goes on. An element comes out the same whoever computes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/block_range.h"
#include "core/spin.h"
#include "cpu/gemm/kernel.h"

namespace densor::cpu {

// Of one worker.
class GemmPart {
 public:
  // Blocks `begin` to `end` may be taken; `panels`, in whose making `ranges` were found (GemmBlock), stay
  // until `close` returns.
  void open(float* panels, const GemmRange (&ranges)[2], std::int64_t begin, std::int64_t end) {
    panels_ = panels;
    std::copy_n(ranges, 2, ranges_);
    end_ = static_cast<std::uint32_t>(end);
    left_.reset(static_cast<std::uint32_t>(begin), end_);
  }
  std::int64_t take() { return left_.take(true); }
  // Returns when those who have taken blocks are done.
  void close() {
    const std::uint32_t lent = end_ - left_.close();
    spin_until([&] { return finished_.load(std::memory_order_acquire) == lent; });
    finished_.store(0, std::memory_order_relaxed);
  }

  // For others.
  std::int64_t borrow() { return left_.take(false); }
  float* panels() const { return panels_; }
  const GemmRange* ranges() const { return ranges_; }
  void give_back() { finished_.fetch_add(1, std::memory_order_release); }

 private:
  BlockRange left_;
  alignas(128) std::atomic<std::uint32_t> finished_{0};
  float* panels_ = nullptr;
  GemmRange ranges_[2]{};
  std::uint32_t end_ = 0;
};

class GemmSharing {
 public:
  explicit GemmSharing(int workers) : parts_(static_cast<std::size_t>(workers)) {}

  // Whether a team of so many has room; all of them must see the same.
  bool holds(int workers) const { return workers > 1 && workers <= static_cast<int>(parts_.size()); }
  GemmPart& of(int worker) { return parts_[static_cast<std::size_t>(worker)]; }

 private:
  std::vector<GemmPart> parts_;
};

}  // namespace densor::cpu
