// What becomes of a finished sum of products, on every path of the matrix units.
#pragma once

#include "cuda/device/grid.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/device/scalar.cuh"
#include "cuda/gemm/problem.h"

namespace densor::cuda {

inline constexpr float kLargestFloat = 3.40282347e38f;

__device__ __forceinline__ bool is_finite(float x) { return math::abs(x) <= kLargestFloat; }

// Element (i, j) by a chain of multiply-adds: infinity has no sum of terms.
__device__ inline float by_multiply_adds(const GemmProblem& p, const GemmOperands& o, std::int64_t i,
                                         std::int64_t j) {
  const float* a = o.a + (p.transpose_a ? i : i * p.k);
  const float* b = o.b + (p.transpose_b ? j * p.k : j);
  const std::int64_t step_a = p.transpose_a ? p.m : 1, step_b = p.transpose_b ? 1 : p.n;
  const std::int64_t terms = rows_of(o.batch, p.k);
  float sum = 0.0f;
  for (std::int64_t t = 0; t < terms; ++t) sum = math::fma(a[t * step_a], b[t * step_b], sum);
  return sum;
}

// bias + activation of a sum in column j.
__device__ __forceinline__ float finished(const GemmFinish& f, std::int64_t j, float sum) {
  if (f.bias != nullptr) sum += f.bias[j];
  return f.relu ? math::max(0.0f, sum) : sum;  // NaN stays NaN
}

}  // namespace densor::cuda
