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

// Parameters that a thread takes at a time; four lie in one access of 16 bytes.
template <int N>
struct Width {};
inline constexpr int kWide = 4;

__device__ __forceinline__ bool wide(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) % sizeof(float4) == 0;
}

template <int N>
__device__ __forceinline__ void load(float (&x)[N], const float* from) {
  if constexpr (N == kWide) {
    const float4 all = *reinterpret_cast<const float4*>(from);
    x[0] = all.x, x[1] = all.y, x[2] = all.z, x[3] = all.w;
  } else {
    x[0] = *from;
  }
}

template <int N>
__device__ __forceinline__ void store(float* to, const float (&x)[N]) {
  if constexpr (N == kWide)
    *reinterpret_cast<float4*>(to) = {x[0], x[1], x[2], x[3]};
  else
    *to = x[0];
}

// The chunk of this block, and f for its parameters.
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
  // f(width, i) for the parameters from i on: four at a time where arrays are `wide`, but at the ends one.
  template <class F>
  __device__ void each_width(bool wide, F f) const {
    const int first = static_cast<int>(threadIdx.x);
    const int before = static_cast<int>(-chunk.begin & (kWide - 1));
    const int head = wide && before < chunk.size ? before : chunk.size;
    const int middle = (chunk.size - head) / kWide * kWide;
    for (int k = kWide * first; k < middle; k += kWide * kThreads) f(Width<kWide>{}, chunk.begin + head + k);
    for (int k = first; k < chunk.size - middle; k += kThreads)
      f(Width<1>{}, chunk.begin + (k < head ? k : k + middle));
  }
};

__device__ __forceinline__ bool kept(const std::uint16_t* mask, std::int64_t i) {
  return mask == nullptr || (mask[i / 16] >> (i % 16) & 1u) != 0;
}

// The same for parameters of one word of the mask: bit e says whether i + e is kept.
__device__ __forceinline__ unsigned kept_from(const std::uint16_t* mask, std::int64_t i) {
  return mask == nullptr ? ~0u : static_cast<unsigned>(mask[i / 16]) >> (i % 16);
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
