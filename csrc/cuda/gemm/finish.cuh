// What becomes of a finished sum of products, on every path.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/gemm/problem.h"
#include "math/operands.h"

namespace densor::cuda {

inline constexpr float kLargestFloat = 3.40282347e38f;

__device__ __forceinline__ bool is_finite(float x) { return math::abs(x) <= kLargestFloat; }

template <class T>
__device__ __forceinline__ float sum_by_multiply_adds(const T* a, const T* b, const GemmProblem& p,
                                                      std::int64_t terms) {
  const std::int64_t step_a = p.transpose_a ? p.m : 1, step_b = p.transpose_b ? 1 : p.n;
  float sum = 0.0f;
  for (std::int64_t t = 0; t < terms; ++t)
    sum = math::fma(to_float(a[t * step_a]), to_float(b[t * step_b]), sum);
  return sum;
}

// Element (i, j) by a chain of multiply-adds: infinity has no sum of terms.
__device__ inline float by_multiply_adds(const GemmProblem& p, const GemmOperands& o, std::int64_t i,
                                         std::int64_t j) {
  const std::int64_t at_a = p.transpose_a ? i : i * p.k, at_b = p.transpose_b ? j * p.k : j;
  const std::int64_t terms = rows_of(o.batch, p.k);
  if (o.halves)
    return sum_by_multiply_adds(reinterpret_cast<const Half*>(o.a) + at_a,
                                reinterpret_cast<const Half*>(o.b) + at_b, p, terms);
  return sum_by_multiply_adds(o.a + at_a, o.b + at_b, p, terms);
}

// Element (i, j) of a gradient with n columns, times what its slope says.
__device__ __forceinline__ float sloped(const GemmSlope& s, std::int64_t n, std::int64_t i, std::int64_t j,
                                        float x) {
  constexpr std::int64_t kBits = 16;  // of a word
  if (s.mask != nullptr)
    x = (s.mask[i * math::mask_words(n) + j / kBits] >> (j % kBits) & 1) != 0 ? x * s.scale : 0.0f;
  if (s.y != nullptr) x *= s.y[i * n + j] > 0.0f ? 1.0f : 0.0f;
  return x;
}

// bias + activation of a sum, element (i, j). kSlope: of a product that may be a gradient's.
template <bool kSlope = true>
__device__ __forceinline__ float finished(const GemmFinish& f, const GemmProblem& p, std::int64_t i,
                                          std::int64_t j, float sum) {
  if (f.bias != nullptr) sum += f.bias[j];
  if (f.relu) sum = math::max(0.0f, sum);  // NaN stays NaN
  if constexpr (kSlope) sum = sloped(f.slope, p.n, i, j, sum);
  return sum;
}

}  // namespace densor::cuda
