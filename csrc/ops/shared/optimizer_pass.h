// The pass of an optimizer over its arenas, by all workers together.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/halves.h"
#include "core/worker.h"
#include "cpu/dispatch.h"
#include "math/clip.h"
#include "ops/shared/weight_gradient.h"

namespace densor::ops {

struct OptimizerSegment {
  std::int64_t begin, end;
  std::int64_t index;  // in the caller's order
  bool decayed;
  std::int64_t first_block = 0, last_block = 0;  // [first, last) in the list of blocks
};

struct OptimizerRule {
  int index = 0, slots = 0, coefficients = 0, rates = 0;
  bool trust_ratio = false;
};

// What a step does besides clip, decay and rule; null: not done.
struct OptimizerExtras {
  float* average = nullptr;
  float* accumulator = nullptr;
  const std::uint16_t* mask = nullptr;
  const float* multipliers = nullptr;
  float accumulation_scale = 1.0f;
  float scale = 1.0f;
};

inline void require_hyper(const float* hyper, std::int64_t count, std::int64_t columns) {
  if (hyper == nullptr || count != columns)
    throw Error(ErrorKind::value, "optimizer", "hyper",
                "expected " + std::to_string(columns) + " columns (decay and coefficients), got " +
                    (hyper == nullptr ? "None" : std::to_string(count)));
}

class OptimizerPass {
 public:
  OptimizerPass(const cpu::OptimizerRange& range, std::int64_t n, float* gradients, const OptimizerRule& rule,
                int hold, std::vector<OptimizerSegment> segments, double norm, double global_norm,
                const OptimizerExtras& extras, std::vector<WeightGradient> computed)
      : kernels_(cpu::active()),
        range_(range),
        gradients_(gradients),
        n_(n),
        rule_(rule),
        hold_(hold),
        segments_(std::move(segments)),
        norm_(norm),
        global_norm_(global_norm),
        extras_(extras),
        computed_(std::move(computed)),
        halves_(std::make_unique<Halves[]>(computed_.size())) {
    find_stored();
    if (norm_ > 0.0 || global_norm_ > 0.0 || rule_.trust_ratio) cut_into_blocks();
  }

  void run(Worker& worker) {
    cpu::OptimizerRange step = range_;
    const bool applied = read_hyper(worker.batch, step);
    const Range mine = worker.split(n_, kLine);
    if (!applied) {
      kernels_.add(extras_.accumulator + mine.begin, extras_.accumulator + mine.begin,
                   gradients_ + mine.begin, mine.size());
      step.decay = 0.0f;
      if (step.average != nullptr) update(kernels_.optimizer[hold_], worker.split(positions_, kLine), step);
      return;
    }
    prepare(worker, mine);
    if (norm_ > 0.0 || global_norm_ > 0.0) {
      sum_blocks(worker);
      worker.barrier();
    }
    if (global_norm_ > 0.0) step.clip_factor *= clip_factor(0, sums_.size(), global_norm_);
    if (rule_.trust_ratio) {
      trust_blocks(worker, step);
      worker.barrier();
      step.decay = 0.0f;  // done
    }
    update(kernels_.optimizer[rule_.index], worker.split(positions_, kLine), step);
    update_computed(worker, step);
  }

 private:
  static constexpr std::int64_t kBlock = 4096;  // elements whose squares are summed together

  // A segment whose gradient is stored. Workers share out positions: those in the arenas, or, where some
  // gradients are not stored, those in the row of the segments that are left.
  struct Stored {
    std::size_t segment;
    std::int64_t position;
  };

  void find_stored() {
    std::int64_t position = 0;
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      const OptimizerSegment& segment = segments_[k];
      const auto computes = [&segment](const WeightGradient& g) { return g.segment() == segment.index; };
      if (std::any_of(computed_.begin(), computed_.end(), computes)) continue;
      stored_.push_back({k, computed_.empty() ? segment.begin : position});
      position += (segment.end - segment.begin + kLine - 1) / kLine * kLine;
    }
    positions_ = computed_.empty() ? n_ : position;
  }

  void cut_into_blocks() {
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      OptimizerSegment& segment = segments_[k];
      segment.first_block = static_cast<std::int64_t>(block_begins_.size());
      for (std::int64_t begin = segment.begin; begin < segment.end; begin += kBlock) {
        block_begins_.push_back(begin);
        block_sizes_.push_back(std::min(kBlock, segment.end - begin));
        block_segments_.push_back(k);
      }
      segment.last_block = static_cast<std::int64_t>(block_begins_.size());
    }
    sums_.resize(block_begins_.size());
    if (rule_.trust_ratio) trust_.resize(block_begins_.size());
  }

  // Returns whether the rule is applied in this step.
  bool read_hyper(const Batch& batch, cpu::OptimizerRange& step) const {
    const int columns = 1 + rule_.coefficients + (extras_.average != nullptr ? 2 : 0) +
                        (extras_.accumulator != nullptr ? 1 : 0);
    require_hyper(batch.hyper, batch.hyper_count, columns);
    step.decay = batch.hyper[0];
    step.coefficients = batch.hyper + 1;
    const float* next = batch.hyper + 1 + rule_.coefficients;
    if (extras_.average != nullptr) {
      step.average_momentum = next[0];
      step.overwrite = next[1] != 0.0f;
      next += 2;
    }
    return extras_.accumulator == nullptr || next[0] != 0.0f;
  }

  // Gradients as the norms and the rule see them.
  void prepare(Worker& worker, const Range& mine) const {
    const bool norms = norm_ > 0.0 || global_norm_ > 0.0;
    const std::uint16_t* mask = norms ? extras_.mask : nullptr;
    if (extras_.accumulator != nullptr || mask != nullptr)
      kernels_.prepare_gradient(gradients_ + mine.begin,
                                extras_.accumulator != nullptr ? extras_.accumulator + mine.begin : nullptr,
                                mask != nullptr ? mask + mine.begin / kLine : nullptr, mine.size(),
                                extras_.accumulation_scale);
    if ((extras_.accumulator != nullptr || mask != nullptr) && (norms || rule_.trust_ratio)) worker.barrier();
  }

  void sum_blocks(Worker& worker) {
    const Range mine = worker.split(static_cast<std::int64_t>(sums_.size()), 8);
    for (auto b = static_cast<std::size_t>(mine.begin); b < static_cast<std::size_t>(mine.end); ++b)
      sums_[b] = frozen(segments_[block_segments_[b]])
                     ? 0.0
                     : kernels_.sum_of_squares(gradients_ + block_begins_[b], block_sizes_[b]);
  }

  // In the order of the blocks, by every worker alike.
  float clip_factor(std::int64_t first, std::int64_t last, double c) const {
    double sum = 0.0;
    for (std::int64_t b = first; b < last; ++b) sum += sums_[static_cast<std::size_t>(b)];
    return math::clip_factor(static_cast<double>(extras_.scale) * std::sqrt(sum), c);
  }

  void trust_blocks(Worker& worker, const cpu::OptimizerRange& step) {
    const Range mine = worker.split(static_cast<std::int64_t>(trust_.size()));
    for (auto b = static_cast<std::size_t>(mine.begin); b < static_cast<std::size_t>(mine.end); ++b) {
      const OptimizerSegment& segment = segments_[block_segments_[b]];
      if (frozen(segment)) continue;
      Scaled scaled;
      cpu::OptimizerRange part = of_segment(step, segment, scaled);
      advance(part, block_begins_[b]);
      trust_[b] = kernels_.lamb_moments(part, block_sizes_[b]);
    }
  }

  double trust_ratio(const OptimizerSegment& segment) const {
    double weights = 0.0, steps = 0.0;
    for (std::int64_t b = segment.first_block; b < segment.last_block; ++b) {
      weights += trust_[static_cast<std::size_t>(b)].weights;
      steps += trust_[static_cast<std::size_t>(b)].steps;
    }
    return math::trust_ratio(std::sqrt(weights), std::sqrt(steps));
  }

  using Kernel = void (*)(const cpu::OptimizerRange&, std::int64_t);

  void update(Kernel kernel, const Range& mine, const cpu::OptimizerRange& step) const {
    for (const Stored& stored : stored_) {
      const OptimizerSegment& segment = segments_[stored.segment];
      const std::int64_t shift = segment.begin - stored.position;
      const std::int64_t begin = std::max(segment.begin, mine.begin + shift);
      const std::int64_t end = std::min(segment.end, mine.end + shift);
      if (begin >= end || frozen(segment)) continue;
      Scaled scaled;
      cpu::OptimizerRange part = of_segment(step, segment, scaled);
      if (rule_.trust_ratio) scaled.coefficients[0] *= static_cast<float>(trust_ratio(segment));
      advance(part, begin);
      kernel(part, end - begin);
    }
  }

  // The same for the gradients that are computed here.
  void update_computed(Worker& worker, const cpu::OptimizerRange& step) const {
    if (computed_.empty()) return;
    const bool two = worker.count() == 2;
    if (two) {
      if (worker.index() == 0)
        for (std::size_t k = 0; k < computed_.size(); ++k) halves_[k].reset(computed_[k].taken_blocks());
      worker.barrier();
    }
    for (std::size_t k = 0; k < computed_.size(); ++k)
      update(worker, computed_[k], two && computed_[k].taken_blocks() > 0 ? &halves_[k] : nullptr, step);
  }

  // `halves` null: by shares.
  void update(Worker& worker, const WeightGradient& gradient, Halves* halves,
              const cpu::OptimizerRange& step) const {
    const auto segment = std::find_if(segments_.begin(), segments_.end(), [&](const OptimizerSegment& s) {
      return s.index == gradient.segment();
    });
    if (frozen(*segment)) return;
    Scaled scaled;
    const cpu::OptimizerRange whole = of_segment(step, *segment, scaled);
    const auto apply = [&](const WeightGradient::Block& block) {
      cpu::OptimizerRange part = whole;
      advance(part, segment->begin + block.first);
      part.g = block.g;
      part.rows = block.rows;
      part.ld = block.ld;
      part.ldg = block.ldg;
      kernels_.optimizer[rule_.index](part, block.cols);
    };
    if (halves != nullptr)
      gradient.each_block(kernels_, worker, *halves, apply);
    else
      gradient.each_block(kernels_, worker, apply);
  }

  float multiplier(const OptimizerSegment& segment) const {
    return extras_.multipliers == nullptr ? 1.0f : extras_.multipliers[segment.index];
  }
  bool frozen(const OptimizerSegment& segment) const { return multiplier(segment) == 0.0f; }

  // The coefficients of one segment, which the range points at.
  struct Scaled {
    float coefficients[math::kMaxOptimizerCoefficients];
  };

  cpu::OptimizerRange of_segment(const cpu::OptimizerRange& step, const OptimizerSegment& segment,
                                 Scaled& scaled) const {
    cpu::OptimizerRange part = step;
    const float factor = multiplier(segment);
    for (int k = 0; k < rule_.coefficients; ++k)
      scaled.coefficients[k] = step.coefficients[k] * (k < rule_.rates ? factor : 1.0f);
    part.coefficients = scaled.coefficients;
    part.decay = segment.decayed ? step.decay * factor : 0.0f;
    if (norm_ > 0.0) part.clip_factor *= clip_factor(segment.first_block, segment.last_block, norm_);
    return part;
  }

  void advance(cpu::OptimizerRange& part, std::int64_t begin) const {
    part.w += begin;
    part.g += begin;
    for (int k = 0; k < rule_.slots; ++k) part.slots[k] += begin;
    if (part.average != nullptr) part.average += begin;
    if (part.mask != nullptr) part.mask += begin / kLine;
  }

  const cpu::Kernels& kernels_;
  cpu::OptimizerRange range_;
  float* gradients_;
  std::int64_t n_;
  OptimizerRule rule_;
  int hold_;
  std::vector<OptimizerSegment> segments_;
  double norm_, global_norm_;  // 0: no such clipping
  OptimizerExtras extras_;
  std::vector<std::int64_t> block_begins_, block_sizes_;
  std::vector<std::size_t> block_segments_;
  std::vector<double> sums_;  // by block
  std::vector<cpu::TrustSums> trust_;
  std::vector<WeightGradient> computed_;
  std::unique_ptr<Halves[]> halves_;  // of each of them
  std::vector<Stored> stored_;
  std::int64_t positions_ = 0;
};

}  // namespace densor::ops
