// The blocks of gradients whose squares are summed together before an optimizer's pass, and their sums:
// pieces of what is stored, and parts of what is known by its operands alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "core/worker.h"
#include "cpu/dispatch.h"
#include "ops/shared/weight_gradient.h"

namespace densor::ops {

class GradientNorms {
 public:
  struct Block {
    std::size_t segment;
    std::int64_t begin, size;        // where it is stored
    const WeightGradient* computed;  // null: it is stored
    std::int64_t part;               // of what is computed
  };

  void add(std::size_t segment, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += kBlock)
      blocks_.push_back({segment, i, std::min(kBlock, end - i), nullptr, 0});
    sums_.resize(blocks_.size());
  }
  // `gradient` outlives this.
  void add(std::size_t segment, const WeightGradient& gradient) {
    computed_.push_back(blocks_.size());
    for (std::int64_t part = 0; part < gradient.norm_parts(); ++part)
      blocks_.push_back({segment, 0, 0, &gradient, part});
    sums_.resize(blocks_.size());
  }

  std::int64_t count() const { return static_cast<std::int64_t>(blocks_.size()); }
  const Block& operator[](std::int64_t b) const { return blocks_[static_cast<std::size_t>(b)]; }

  // Every worker its share; `frozen(segment)`: counts as 0. Ends with a barrier.
  template <class Frozen>
  void sum(const cpu::Kernels& kernels, const float* gradients, Worker& worker, Frozen frozen) {
    const Range mine = worker.split(count(), kShared);
    for (std::int64_t b = mine.begin; b < mine.end; ++b) {
      const Block& block = (*this)[b];
      double& sum = sums_[static_cast<std::size_t>(b)];
      if (frozen(block.segment))
        sum = 0.0;
      else if (block.computed != nullptr)
        sum = block.computed->squares(kernels, worker.scratch(), block.part);
      else
        sum = kernels.sum_of_squares(gradients + block.begin, block.size);
    }
    worker.barrier();
    check(kernels, worker);
  }

  // Of blocks [first, last), in their order.
  double squares(std::int64_t first, std::int64_t last) const {
    double sum = 0.0;
    for (std::int64_t b = first; b < last; ++b) sum += sums_[static_cast<std::size_t>(b)];
    return sum < 0.0 ? 0.0 : sum;
  }

 private:
  static constexpr std::int64_t kBlock = 4096;  // elements
  static constexpr std::int64_t kShared = 8;    // sums in a cache line

  // Where a sum by operands is not that of finite floats, the gradient is computed and squared after all: it
  // says whether the norm is infinite or none.
  void check(const cpu::Kernels& kernels, Worker& worker) {
    constexpr auto kLargest = static_cast<double>(std::numeric_limits<float>::max());
    const auto doubtful = [this](std::size_t first) { return !(squares_of(first) <= kLargest * kLargest); };
    if (std::none_of(computed_.begin(), computed_.end(), doubtful)) return;
    worker.barrier();  // all have looked
    if (worker.index() == 0) {
      for (const std::size_t first : computed_) {
        if (!doubtful(first)) continue;
        const WeightGradient& gradient = *blocks_[first].computed;
        std::fill_n(sums_.begin() + static_cast<std::ptrdiff_t>(first), gradient.norm_parts(), 0.0);
        sums_[first] = gradient.squares(kernels, worker.scratch());
      }
    }
    worker.barrier();
  }

  // Of a computed gradient whose first block this is.
  double squares_of(std::size_t first) const {
    double sum = 0.0;
    for (std::size_t b = first; b < blocks_.size() && blocks_[b].computed == blocks_[first].computed; ++b)
      sum += sums_[b];
    return sum;
  }

  std::vector<Block> blocks_;
  std::vector<double> sums_;           // by block
  std::vector<std::size_t> computed_;  // first blocks
};

}  // namespace densor::ops
