// The update of one optimizer step over the flat arenas: clip, decay, rule, mask, average. A block of threads
// has a chunk of one variable. Reads parameters, gradients and slots once and writes parameters and slots
// once: 4 (3 + 2 slots) bytes an element. Hyper-parameters lie in device memory: a captured step serves every
// batch.
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/device/optimizer.cuh"
#include "cuda/phases/batch.cuh"
#include "math/clip.h"

namespace densor::cuda {

// Sums of squares of a segment, for every thread of the block.
__device__ inline math::TrustSums sums_of(const OptimizerPass& pass, const OptimizerSegment& segment) {
  double weights = 0.0, steps = 0.0;
  for (std::int64_t i = segment.first + threadIdx.x; i < segment.last; i += kThreads) {
    weights += pass.trust[i].weights;
    steps += pass.trust[i].steps;
  }
  return {block_sum(weights), block_sum(steps)};
}

// What multiplies the learning rate of a segment, where the rule has looked at the whole of it before.
template <class Rule>
__device__ float rate_factor(const OptimizerPass& pass, const OptimizerSegment& segment, const float* c,
                             std::int64_t n) {
  const math::TrustSums sums = sums_of(pass, segment);
  if constexpr (Rule::kTrustRatio)
    return static_cast<float>(math::trust_ratio(::sqrt(sums.weights), ::sqrt(sums.steps)));
  const auto count = static_cast<double>(n);
  return static_cast<float>(math::adafactor_factor(::sqrt(sums.weights / count), ::sqrt(sums.steps / count),
                                                   static_cast<double>(c[3]), static_cast<double>(c[4])));
}

// Whether the weights decay here: those of LAMB and Adafactor have done so before; what Muon does not train
// has a decay of its own.
template <class Rule>
__device__ float decay_of(const Hyper& hyper, const OptimizerSegment& segment, const float* c) {
  constexpr bool kDone = Rule::kTrustRatio || Rule::kPreparation == math::Preparation::factored;
  if (kDone || !segment.decayed) return 0.0f;
  if constexpr (std::is_same_v<Rule, math::MuonAdam>) return c[2];
  return hyper.decay * segment.multiplier;
}

template <class Rule>
__device__ void update_chunk(const OptimizerPass& pass, const Batch* batch, unsigned block) {
  const Hyper hyper(*batch, pass);
  const Mine mine(pass, block);
  const math::OptimizerRange& r = pass.range;
  if (mine.frozen() || (!hyper.applied && r.average == nullptr)) return;
  constexpr bool kDirected = Rule::kPreparation == math::Preparation::orthogonal;
  if ((mine.segment.direction >= 0) != kDirected) return;  // another rule's
  Coefficients<Rule> numbers(hyper, mine.segment.multiplier);
  if constexpr (Rule::kTrustRatio || Rule::kPreparation == math::Preparation::factored)
    if (hyper.applied) numbers.c[0] *= rate_factor<Rule>(pass, mine.segment, numbers.c, mine.segment.size);
  if constexpr (kDirected) numbers.c[0] *= mine.segment.scale;
  const float decay = decay_of<Rule>(hyper, mine.segment, numbers.c);
  const float factor = clip_factor_of(pass, mine.chunk.segment);
  const float* directions = pass.directions + mine.segment.direction - mine.segment.begin;
  mine.each([&](std::int64_t i) {
    float w = r.w[i];
    const bool keeps = kept(r.mask, i);
    if (hyper.applied) {
      float s[Rule::kSlots + 1];
#pragma unroll
      for (int k = 0; k < Rule::kSlots; ++k) s[k] = r.slots[k][i];
      const float g = keeps ? pass.gradients[i] : 0.0f;
      w = decayed(w, decay);
      Rule::update(w, kDirected ? directions[i] : math::clip_value(g * factor, r.clip_value), s, numbers.c);
#pragma unroll
      for (int k = 0; k < Rule::kSlots; ++k) r.slots[k][i] = s[k];
    }
    if (!keeps) w = 0.0f;
    if (r.average != nullptr) {
      const float keep = hyper.average_momentum;
      const float average = math::fma(keep, r.average[i], (1.0f - keep) * w);
      r.average[i] = average;
      if (hyper.overwrite) w = average;
    }
    r.w[i] = w;
  });
}

// The rule that the pass names; one that prepares nothing, where it is a phase.
struct OptimizerUpdate {
  static constexpr PhaseKind kKind = PhaseKind::optimizer;
  OptimizerPass pass;
  const Batch* batch;

  template <class Rule>
  __device__ void run(const Place& at) const {
    if (!refused(batch)) update_chunk<Rule>(pass, batch, at.block_x);
  }
  __device__ void operator()(const Place& at) const {
    math::OptimizerRules::each([&](int index, auto rule) {
      using Rule = decltype(rule);
      if constexpr (!Rule::kTrustRatio && Rule::kPreparation == math::Preparation::none)
        if (index == pass.rule) run<Rule>(at);
    });
  }
};

}  // namespace densor::cuda
