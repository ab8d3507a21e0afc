// One optimizer step over the flat arenas: accumulate, clip, decay, rule, mask, average. A block of threads
// has a chunk of one variable. The update reads parameters, gradients and slots once and writes parameters
// and slots once: 4 (3 + 2 slots) bytes an element; norms cost a pass of 4 bytes before it, LAMB's ratio one
// of 4 (2 + 2 slots). Hyper-parameters lie in device memory: a captured step serves every batch.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"
#include "math/clip.h"
#include "math/optimizer.h"

namespace densor::cuda {

namespace {

// The hyper-parameters of the batch at hand.
struct Hyper {
  float decay, average_momentum;
  bool overwrite, applied;
  const float* coefficients;

  __device__ Hyper(const Batch& batch, const OptimizerPass& pass)
      : decay(batch.hyper[0]),
        average_momentum(0.0f),
        overwrite(false),
        applied(true),
        coefficients(batch.hyper + 1) {
    const float* next = coefficients + pass.coefficients;
    if (pass.range.average != nullptr) {
      average_momentum = next[0];
      overwrite = next[1] != 0.0f;
      next += 2;
    }
    if (pass.accumulator != nullptr) applied = next[0] != 0.0f;
  }
};

// The chunk of this block, and f(i) for its parameters.
struct Mine {
  OptimizerChunk chunk;
  OptimizerSegment segment;

  __device__ explicit Mine(const OptimizerPass& pass)
      : chunk(pass.chunks[blockIdx.x]), segment(pass.segments[chunk.segment]) {}

  __device__ bool frozen() const { return segment.multiplier == 0.0f; }
  template <class F>
  __device__ void each(F f) const {
#pragma unroll 4
    for (int k = static_cast<int>(threadIdx.x); k < chunk.size; k += kThreads) f(chunk.begin + k);
  }
};

__device__ __forceinline__ bool kept(const std::uint16_t* mask, std::int64_t i) {
  return mask == nullptr || (mask[i / 16] >> (i % 16) & 1u) != 0;
}

// Gradients as norms and rule see them; or, where the rule waits, what is kept of them.
__global__ void prepare_kernel(OptimizerPass pass, const Batch* batch, bool masked) {
  if (refused(batch)) return;
  const Hyper hyper(*batch, pass);
  Mine(pass).each([&](std::int64_t i) {
    float g = pass.gradients[i];
    if (!hyper.applied) {
      pass.accumulator[i] += g;
      return;
    }
    if (pass.accumulator != nullptr) {
      g = (g + pass.accumulator[i]) * pass.accumulation_scale;
      pass.accumulator[i] = 0.0f;
    }
    pass.gradients[i] = !masked || kept(pass.range.mask, i) ? g : 0.0f;
  });
}

__global__ void squares_kernel(OptimizerPass pass) {
  const Mine mine(pass);
  double sum = 0.0;
  if (!mine.frozen())
    mine.each([&](std::int64_t i) {
      const double g = pass.gradients[i];
      sum += g * g;
    });
  sum = block_sum(sum);
  if (threadIdx.x == 0) pass.squares[blockIdx.x] = sum;
}

__device__ double sum_chunks(const double* values, std::int64_t first, std::int64_t last) {
  double sum = 0.0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += kThreads) sum += values[i];
  return block_sum(sum);
}

// A block per segment; with a global norm one for all.
__global__ void factors_kernel(OptimizerPass pass) {
  const bool global = pass.global_norm > 0.0;
  const std::int64_t s = blockIdx.x;
  const double squares = global ? sum_chunks(pass.squares, 0, pass.chunk_count)
                                : sum_chunks(pass.squares, pass.segments[s].first, pass.segments[s].last);
  if (threadIdx.x != 0) return;
  const double norm = static_cast<double>(pass.range.clip_factor) * ::sqrt(squares);
  const float factor = math::clip_factor(norm, global ? pass.global_norm : pass.norm);
  if (!global) pass.factors[s] = factor;
  for (std::int64_t i = 0; global && i < pass.segment_count; ++i) pass.factors[i] = factor;
}

__device__ __forceinline__ float clip_factor_of(const OptimizerPass& pass, std::int32_t segment) {
  const bool norms = pass.norm > 0.0 || pass.global_norm > 0.0;
  return norms ? pass.range.clip_factor * pass.factors[segment] : pass.range.clip_factor;
}

// The numbers of a rule for one segment.
template <class Rule>
struct Coefficients {
  float c[Rule::kCoefficients + 1];

  __device__ Coefficients(const Hyper& hyper, float multiplier) {
#pragma unroll
    for (int k = 0; k < Rule::kCoefficients; ++k)
      c[k] = hyper.coefficients[k] * (k < Rule::kRates ? multiplier : 1.0f);
  }
};

__device__ __forceinline__ float decayed(float w, float decay) {
  return decay != 0.0f ? math::fma(-decay, w, w) : w;  // 0 times an infinite weight would be NaN
}

// The first part of math::Lamb: slots, and the norms behind its ratio.
__global__ void moments_kernel(OptimizerPass pass, const Batch* batch) {
  if (refused(batch)) return;
  const Hyper hyper(*batch, pass);
  const Mine mine(pass);
  if (!hyper.applied) return;
  const Coefficients<math::Lamb> numbers(hyper, mine.segment.multiplier);
  const float decay = mine.segment.decayed ? hyper.decay * mine.segment.multiplier : 0.0f;
  const float factor = clip_factor_of(pass, mine.chunk.segment);
  const math::OptimizerRange& r = pass.range;
  double weights = 0.0, steps = 0.0;
  if (!mine.frozen())
    mine.each([&](std::int64_t i) {
      float s[2] = {r.slots[0][i], r.slots[1][i]};
      const float w = decayed(r.w[i], decay), g = kept(r.mask, i) ? pass.gradients[i] : 0.0f;
      r.w[i] = w;
      const float u = math::Lamb::moments(math::clip_value(g * factor, r.clip_value), s, numbers.c);
      r.slots[0][i] = s[0];
      r.slots[1][i] = s[1];
      weights += static_cast<double>(w) * static_cast<double>(w);
      steps += static_cast<double>(u) * static_cast<double>(u);
    });
  weights = block_sum(weights);
  steps = block_sum(steps);
  if (threadIdx.x == 0) pass.trust[blockIdx.x] = {weights, steps};
}

// The ratio of a segment, for every thread of the block.
__device__ float trust_ratio(const OptimizerPass& pass, const OptimizerSegment& segment) {
  double weights = 0.0, steps = 0.0;
  for (std::int64_t i = segment.first + threadIdx.x; i < segment.last; i += kThreads) {
    weights += pass.trust[i].weights;
    steps += pass.trust[i].steps;
  }
  weights = block_sum(weights);
  steps = block_sum(steps);
  return static_cast<float>(math::trust_ratio(::sqrt(weights), ::sqrt(steps)));
}

template <class Rule>
__global__ void update_kernel(OptimizerPass pass, const Batch* batch) {
  if (refused(batch)) return;
  const Hyper hyper(*batch, pass);
  const Mine mine(pass);
  const math::OptimizerRange& r = pass.range;
  if (mine.frozen() || (!hyper.applied && r.average == nullptr)) return;
  Coefficients<Rule> numbers(hyper, mine.segment.multiplier);
  if constexpr (Rule::kTrustRatio)
    if (hyper.applied) numbers.c[0] *= trust_ratio(pass, mine.segment);
  const bool decays = mine.segment.decayed && !Rule::kTrustRatio;  // LAMB's weights have decayed before
  const float decay = decays ? hyper.decay * mine.segment.multiplier : 0.0f;
  const float factor = clip_factor_of(pass, mine.chunk.segment);
  mine.each([&](std::int64_t i) {
    float w = r.w[i];
    const bool keeps = kept(r.mask, i);
    if (hyper.applied) {
      float s[Rule::kSlots + 1];
#pragma unroll
      for (int k = 0; k < Rule::kSlots; ++k) s[k] = r.slots[k][i];
      const float g = keeps ? pass.gradients[i] : 0.0f;
      w = decayed(w, decay);
      Rule::update(w, math::clip_value(g * factor, r.clip_value), s, numbers.c);
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

void optimizer(const Queue& queue, const OptimizerPass& pass) {
  if (pass.chunk_count == 0) return;
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  const bool norms = pass.norm > 0.0 || pass.global_norm > 0.0;
  const bool masked = norms && pass.range.mask != nullptr;
  if (pass.accumulator != nullptr || masked)
    launch(queue, prepare_kernel, chunks, kThreads, 0, pass, queue.batch, masked);
  if (norms) {
    launch(queue, squares_kernel, chunks, kThreads, 0, pass);
    const auto segments = static_cast<unsigned>(pass.global_norm > 0.0 ? 1 : pass.segment_count);
    launch(queue, factors_kernel, segments, kThreads, 0, pass);
  }
  if (pass.trust_ratio) launch(queue, moments_kernel, chunks, kThreads, 0, pass, queue.batch);
  math::OptimizerRules::each([&](int index, auto rule) {
    if (index == pass.rule)
      launch(queue, update_kernel<decltype(rule)>, chunks, kThreads, 0, pass, queue.batch);
  });
}

}  // namespace

void fill_optimizer(Launchers& table) { table.optimizer = optimizer; }

}  // namespace densor::cuda
