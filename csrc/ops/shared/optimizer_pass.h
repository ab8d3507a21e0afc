// The pass of an optimizer over its arenas, by all workers together.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/halves.h"
#include "core/parallel.h"
#include "core/worker.h"
#include "cpu/dispatch.h"
#include "math/clip.h"
#include "ops/shared/gradient_norms.h"
#include "ops/shared/orthogonal.h"
#include "ops/shared/weight_gradient.h"

namespace densor::ops {

struct OptimizerSegment {
  std::int64_t begin, end;
  std::int64_t index;  // in the caller's order
  bool decayed;
  math::MatrixShape shape = {};                  // where the rule prepares matrices
  std::int64_t first_block = 0, last_block = 0;  // [first, last) in the list of blocks
};

struct OptimizerRule {
  int index = 0, slots = 0, coefficients = 0, rates = 0;
  bool trust_ratio = false;
  math::Preparation preparation = math::Preparation::none;
  int plain = 0;  // index of the rule of what is no matrix, where matrices get orthogonal directions
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
                const OptimizerExtras& extras, std::vector<WeightGradient> computed,
                const NewtonSchulz& iterations)
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
    if (clips() || rule_.trust_ratio) cut_into_blocks();
    factors_.resize(rule_.preparation == math::Preparation::factored ? segments_.size() : 0);
    if (rule_.preparation == math::Preparation::orthogonal) plan_directions(iterations);
  }

  // Floats of scratch memory that a worker needs, and what the directions of matrices cost.
  std::int64_t scratch() const {
    std::int64_t floats = 0;
    for (const Directed& one : directed_) floats = std::max(floats, one.direction.scratch());
    for (const OptimizerSegment& one : segments_)
      if (rule_.preparation == math::Preparation::factored) floats = std::max(floats, one.shape.cols + kLine);
    return floats;
  }
  double nanoseconds() const {
    double sum = 0.0;
    for (const Directed& one : directed_) sum += one.direction.nanoseconds();
    for (const WeightGradient& one : computed_) sum += clips() ? one.norm_nanoseconds() : 0.0;
    return sum;
  }

  void run(Worker& worker) {
    cpu::OptimizerRange step = range_;
    const bool applied = read_hyper(worker.batch, step);
    const Range mine = worker.split(n_, kLine);
    if (!applied) {
      kernels_.floats.add(extras_.accumulator + mine.begin, extras_.accumulator + mine.begin,
                          gradients_ + mine.begin, mine.size());
      step.decay = 0.0f;
      if (step.average != nullptr) update(hold_, worker.split(positions_, kLine), step);
      return;
    }
    prepare(worker, mine);
    if (clips())
      norms_.sum(kernels_, gradients_, worker, [this](std::size_t k) { return frozen(segments_[k]); });
    if (global_norm_ > 0.0) step.clip_factor *= clip_factor(0, norms_.count(), global_norm_);
    if (rule_.trust_ratio) {
      trust_blocks(worker, step);
      worker.barrier();
      step.decay = 0.0f;  // done
    }
    if (rule_.preparation == math::Preparation::factored) {
      find_factors(worker, step);
      worker.barrier();
      step.decay = 0.0f;  // done
    }
    for (Directed& one : directed_) update(worker, one, step);
    const bool directs = rule_.preparation == math::Preparation::orthogonal;
    update(directs ? rule_.plain : rule_.index, worker.split(positions_, kLine), step);
    update_computed(worker, step);
  }

 private:
  // A segment whose gradient is stored. Workers share out positions: those in the arenas, or, where some
  // gradients are not stored, those in the row of the segments that are left.
  struct Stored {
    std::size_t segment;
    std::int64_t position;
  };

  // A matrix whose gradient is replaced by an orthogonal direction.
  struct Directed {
    std::size_t segment;
    OrthogonalDirection direction;
  };

  // By norms.
  bool clips() const { return norm_ > 0.0 || global_norm_ > 0.0; }

  bool is_directed(const OptimizerSegment& segment) const {
    return rule_.preparation == math::Preparation::orthogonal && segment.shape.rows > 0;
  }

  void plan_directions(const NewtonSchulz& iterations) {
    std::int64_t floats = 0;
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      if (!is_directed(segments_[k])) continue;
      const math::MatrixShape& shape = segments_[k].shape;
      directed_.push_back({k, OrthogonalDirection(shape.rows, shape.cols, iterations, num_threads())});
      floats = std::max(floats, directed_.back().direction.memory());
    }
    memory_.resize(static_cast<std::size_t>(floats));
  }

  void find_stored() {
    std::int64_t position = 0;
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      const OptimizerSegment& segment = segments_[k];
      if (computed_for(segment) != nullptr) continue;
      stored_.push_back({k, computed_.empty() ? segment.begin : position});
      position += (segment.end - segment.begin + kLine - 1) / kLine * kLine;
    }
    positions_ = computed_.empty() ? n_ : position;
  }

  // Null: its gradient is stored.
  const WeightGradient* computed_for(const OptimizerSegment& segment) const {
    const auto found = std::find_if(computed_.begin(), computed_.end(), [&segment](const WeightGradient& g) {
      return g.segment() == segment.index;
    });
    return found == computed_.end() ? nullptr : &*found;
  }

  void cut_into_blocks() {
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      OptimizerSegment& segment = segments_[k];
      segment.first_block = norms_.count();
      if (const WeightGradient* gradient = computed_for(segment); gradient != nullptr)
        norms_.add(k, *gradient);
      else
        norms_.add(k, segment.begin, segment.end);
      segment.last_block = norms_.count();
    }
    if (rule_.trust_ratio) trust_.resize(static_cast<std::size_t>(norms_.count()));
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
    const bool norms = clips();
    const bool prepares = rule_.preparation != math::Preparation::none;
    const std::uint16_t* mask = norms || prepares ? extras_.mask : nullptr;
    if (extras_.accumulator != nullptr || mask != nullptr)
      kernels_.prepare_gradient(gradients_ + mine.begin,
                                extras_.accumulator != nullptr ? extras_.accumulator + mine.begin : nullptr,
                                mask != nullptr ? mask + mine.begin / kLine : nullptr, mine.size(),
                                extras_.accumulation_scale);
    if ((extras_.accumulator != nullptr || mask != nullptr) && (norms || prepares || rule_.trust_ratio))
      worker.barrier();
  }

  // By every worker alike.
  float clip_factor(std::int64_t first, std::int64_t last, double c) const {
    return math::clip_factor(static_cast<double>(extras_.scale) * std::sqrt(norms_.squares(first, last)), c);
  }

  void trust_blocks(Worker& worker, const cpu::OptimizerRange& step) {
    const Range mine = worker.split(norms_.count());
    for (std::int64_t b = mine.begin; b < mine.end; ++b) {
      const GradientNorms::Block& block = norms_[b];
      const OptimizerSegment& segment = segments_[block.segment];
      if (frozen(segment)) continue;
      Scaled scaled;
      cpu::OptimizerRange part = of_segment(step, segment, scaled);
      advance(part, block.begin);
      trust_[static_cast<std::size_t>(b)] = kernels_.lamb_moments(part, block.size);
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

  // Whole variables, each by one worker.
  void find_factors(Worker& worker, const cpu::OptimizerRange& step) {
    const Range mine = worker.split(static_cast<std::int64_t>(segments_.size()));
    for (auto k = static_cast<std::size_t>(mine.begin); k < static_cast<std::size_t>(mine.end); ++k) {
      const OptimizerSegment& segment = segments_[k];
      if (frozen(segment) || segment.begin == segment.end) continue;
      Scaled scaled;
      cpu::OptimizerRange part = of_segment(step, segment, scaled);
      advance(part, segment.begin);
      const std::int64_t n = segment.end - segment.begin;
      const auto count = static_cast<double>(n);
      const cpu::TrustSums sums = kernels_.adafactor_moments(part, n, segment.shape, worker.scratch());
      factors_[k] = static_cast<float>(math::adafactor_factor(
          std::sqrt(sums.weights / count), std::sqrt(sums.steps / count),
          static_cast<double>(part.coefficients[3]), static_cast<double>(part.coefficients[4])));
    }
  }

  // A matrix by all workers; its direction stands in the place of its gradient.
  void update(Worker& worker, Directed& one, const cpu::OptimizerRange& step) {
    const OptimizerSegment& segment = segments_[one.segment];
    if (frozen(segment)) return;
    Scaled scaled;
    cpu::OptimizerRange part = of_segment(step, segment, scaled);
    advance(part, segment.begin);
    const float* direction = one.direction.run(kernels_, part, memory_.data(), worker);
    scaled.coefficients[0] *= one.direction.scale();
    const Range mine = worker.split(one.direction.size(), kLine);
    advance(part, mine.begin);
    part.g = direction + mine.begin;
    part.clip_factor = 1.0f;
    part.clip_value = std::numeric_limits<float>::infinity();
    kernels_.optimizer[rule_.index](part, mine.size());
    worker.barrier();  // the next matrix takes the memory
  }

  void update(int rule, const Range& mine, const cpu::OptimizerRange& step) const {
    for (const Stored& stored : stored_) {
      const OptimizerSegment& segment = segments_[stored.segment];
      const std::int64_t shift = segment.begin - stored.position;
      const std::int64_t begin = std::max(segment.begin, mine.begin + shift);
      const std::int64_t end = std::min(segment.end, mine.end + shift);
      if (begin >= end || frozen(segment) || (rule != hold_ && is_directed(segment))) continue;
      Scaled scaled;
      cpu::OptimizerRange part = of_segment(step, segment, scaled);
      if (rule_.trust_ratio) scaled.coefficients[0] *= static_cast<float>(trust_ratio(segment));
      if (!factors_.empty()) scaled.coefficients[0] *= factors_[stored.segment];
      advance(part, begin);
      kernels_.optimizer[rule](part, end - begin);
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
    const bool own_decay = rule_.preparation == math::Preparation::orthogonal && !is_directed(segment);
    part.decay = !segment.decayed ? 0.0f : own_decay ? scaled.coefficients[2] : step.decay * factor;
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
  std::vector<WeightGradient> computed_;
  GradientNorms norms_;
  std::vector<cpu::TrustSums> trust_;  // by its blocks
  std::vector<float> factors_;         // by segment
  std::vector<Directed> directed_;
  std::vector<float> memory_;         // of the directions
  std::unique_ptr<Halves[]> halves_;  // of each of them
  std::vector<Stored> stored_;
  std::int64_t positions_ = 0;
};

}  // namespace densor::ops
