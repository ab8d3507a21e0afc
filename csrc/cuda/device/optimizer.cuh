// What the kernels of an optimizer share: hyper-parameters of the batch, chunks of variables, gradients as
// the rules see them.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/launchers.h"
#include "math/optimizer.h"

namespace densor::cuda {

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

  __device__ Mine(const OptimizerPass& pass, unsigned block)
      : chunk(pass.chunks[block]), segment(pass.segments[chunk.segment]) {}
  __device__ explicit Mine(const OptimizerPass& pass) : Mine(pass, blockIdx.x) {}

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

}  // namespace densor::cuda
