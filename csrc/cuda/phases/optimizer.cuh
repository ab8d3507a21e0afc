// The update of one optimizer step over the flat arenas: clip, decay, rule, mask, average, from gradients and
// norms as phases/gradient_norms.cuh leaves them. A block of threads has a chunk of one variable, a thread
// four parameters of it at a time, in accesses of 16 bytes where the arrays are aligned; the bits are the
// same one by one. Reads parameters, gradients and slots once and writes parameters and slots once: 4 (3 + 2
// slots) bytes an element. Hyper-parameters lie in device memory: a captured step serves every batch.
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/phases/gradient_norms.cuh"

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

// What becomes of parameters of one segment.
template <class Rule>
struct ChunkUpdate {
  static constexpr bool kDirected = Rule::kPreparation == math::Preparation::orthogonal;
  const OptimizerPass& pass;
  const Hyper& hyper;
  const Coefficients<Rule>& numbers;
  float decay, factor;
  const float* directions;

  // Whether four parameters lie in one access of each array.
  __device__ bool whole() const {
    const math::OptimizerRange& r = pass.range;
    bool all = wide(r.w) && wide(kDirected ? directions : pass.gradients) && wide(r.average);
#pragma unroll
    for (int k = 0; k < Rule::kSlots; ++k) all = all && wide(r.slots[k]);
    return all;
  }

  // All loads come before the first store: the compiler cannot know that the arrays lie apart.
  template <int N>
  __device__ void operator()(Width<N>, std::int64_t i) const {
    const math::OptimizerRange& r = pass.range;
    float w[N], g[N], average[N], slots[Rule::kSlots + 1][N];
    load(w, r.w + i);
    const unsigned keeps = kept_from(r.mask, i);
    if (r.average != nullptr) load(average, r.average + i);
    if (hyper.applied) {
      load(g, (kDirected ? directions : pass.gradients) + i);
#pragma unroll
      for (int k = 0; k < Rule::kSlots; ++k) load(slots[k], r.slots[k] + i);
#pragma unroll
      for (int e = 0; e < N; ++e) step(w[e], (keeps >> e & 1u) != 0, g[e], slots, e);
#pragma unroll
      for (int k = 0; k < Rule::kSlots; ++k) store(r.slots[k] + i, slots[k]);
    }
#pragma unroll
    for (int e = 0; e < N; ++e)
      if ((keeps >> e & 1u) == 0) w[e] = 0.0f;
    if (r.average != nullptr) {
      const float keep = hyper.average_momentum;
#pragma unroll
      for (int e = 0; e < N; ++e) {
        average[e] = math::fma(keep, average[e], (1.0f - keep) * w[e]);
        if (hyper.overwrite) w[e] = average[e];
      }
      store(r.average + i, average);
    }
    store(r.w + i, w);
  }

  // The decay and the rule, for one parameter.
  template <int N>
  __device__ void step(float& w, bool keeps, float g, float (&slots)[Rule::kSlots + 1][N], int e) const {
    float s[Rule::kSlots + 1];
#pragma unroll
    for (int k = 0; k < Rule::kSlots; ++k) s[k] = slots[k][e];
    w = decayed(w, decay);
    if constexpr (!kDirected) g = math::clip_value((keeps ? g : 0.0f) * factor, pass.range.clip_value);
    Rule::update(w, g, s, numbers.c);
#pragma unroll
    for (int k = 0; k < Rule::kSlots; ++k) slots[k][e] = s[k];
  }
};

// clip_factor(segment): what multiplies its gradients.
template <class Rule, class F>
__device__ void update_chunk(const OptimizerPass& pass, const Batch* batch, unsigned block, F clip_factor) {
  const Hyper hyper(*batch, pass);
  const Mine mine(pass, block);
  if (mine.frozen() || (!hyper.applied && pass.range.average == nullptr)) return;
  constexpr bool kDirected = ChunkUpdate<Rule>::kDirected;
  if ((mine.segment.direction >= 0) != kDirected) return;  // another rule's
  Coefficients<Rule> numbers(hyper, mine.segment.multiplier);
  if constexpr (Rule::kTrustRatio || Rule::kPreparation == math::Preparation::factored)
    if (hyper.applied) numbers.c[0] *= rate_factor<Rule>(pass, mine.segment, numbers.c, mine.segment.size);
  if constexpr (kDirected) numbers.c[0] *= mine.segment.scale;
  const ChunkUpdate<Rule> update{pass,
                                 hyper,
                                 numbers,
                                 decay_of<Rule>(hyper, mine.segment, numbers.c),
                                 clip_factor(mine.chunk.segment),
                                 pass.directions + mine.segment.direction - mine.segment.begin};
  mine.each_width(update.whole(), update);
}

// The rule that the pass names; one that prepares no matrices, where it is a phase. Then every block finds
// the factor that clips its gradients by itself: the sums behind it are few, and a phase would cost a
// meeting.
struct OptimizerUpdate {
  static constexpr PhaseKind kKind = PhaseKind::optimizer;
  OptimizerPass pass;
  const Batch* batch;

  template <class Rule>
  __device__ void launch(const Place& at) const {
    if (refused(batch)) return;
    update_chunk<Rule>(pass, batch, at.block_x,
                       [this](std::int32_t segment) { return clip_factor_of(pass, segment); });
  }
  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    // What is rescaled by norms of its own was clipped by the phase that found these.
    const float factor =
        pass.trust_ratio ? 1.0f : clip_factor_by_chunks(pass, pass.chunks[at.block_x].segment);
    math::OptimizerRules::each([&](int index, auto rule) {
      using Rule = decltype(rule);
      if constexpr (Rule::kPreparation == math::Preparation::none)
        if (index == pass.rule || index == pass.plain_rule)
          update_chunk<Rule>(pass, batch, at.block_x, [factor](std::int32_t) { return factor; });
    });
  }
};

}  // namespace densor::cuda
