// What becomes of a finished sum of products, on every path.
#pragma once

#include "cuda/device/scalar.cuh"

#include <type_traits>

#include "cuda/device/chosen_activation.cuh"
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

// A number as it is when it has been stored to C.
template <class C>
__device__ __forceinline__ float as_stored(float x) {
  return std::is_same_v<C, Half> ? math::bf16_round(x) : x;
}

// Element (i, j) of a gradient with n columns, times the mask of its slope and relu's derivative. C: of c.
template <class C>
__device__ __forceinline__ float sloped(const GemmSlope& s, std::int64_t n, std::int64_t i, std::int64_t j,
                                        float x) {
  constexpr std::int64_t kBits = 16;  // of a word
  if (s.mask != nullptr) {
    x = as_stored<C>(x);
    x = (s.mask[i * math::mask_words(n) + j / kBits] >> (j % kBits) & 1) != 0 ? x * s.scale : 0.0f;
  }
  if (s.relu()) x *= to_float(reinterpret_cast<const C*>(s.saved)[i * n + j]) > 0.0f ? 1.0f : 0.0f;
  return x;
}

// Element `at` of c, which this thread has stored, times a derivative that is not relu's. In loops that are
// not unrolled: it is long.
template <class C>
__device__ __forceinline__ void multiply_stored(const GemmSlope& s, C* c, std::int64_t at) {
  const float saved = to_float(reinterpret_cast<const C*>(s.saved)[at]);
  put(c + at, to_float(c[at]) * ChosenActivation{s.activation}.derivative(saved, s.alpha));
}

// Of a product that has none.
struct NoDropout {
  __device__ float operator()(std::int64_t, std::int64_t, float x) const { return x; }
};

// bias + relu of a sum, element (i, j). C: of c; kSlope: of a product that may be a gradient's; dropout(i, j,
// x) makes of x what is left.
template <class C, bool kSlope = true, class Dropout = NoDropout>
__device__ __forceinline__ float finished(const GemmFinish& f, const GemmProblem& p, std::int64_t i,
                                          std::int64_t j, float sum, const Dropout& dropout = {}) {
  if (f.bias != nullptr) sum += f.bias[j];
  if (f.relu()) sum = math::max(0.0f, sum);  // NaN stays NaN
  if constexpr (kSlope) sum = sloped<C>(f.slope, p.n, i, j, sum);
  if constexpr (!std::is_same_v<Dropout, NoDropout>)
    if (f.drops()) sum = dropout(i, j, as_stored<C>(sum));
  return sum;
}

// Element (i, j) of c.
struct GemmPlace {
  std::int64_t i, j;

  __device__ bool inside(const GemmProblem& p) const { return i < p.m && j < p.n; }
};

// Neighbours of a row, of which the second may not be there. `pairs`: they lie as such.
template <class C>
__device__ __forceinline__ void put_two(C* to, float first, float second, bool pairs, bool both) {
  if (pairs) return put_pair(to, first, second);
  put(to, first);
  if (both) put(to + 1, second);
}

// Numbers that are activated together, so that none waits for another.
template <int kCount>
struct Numbers {
  float x[kCount];
};

// One copy of the formulas for all kernels of a file: they are long.
template <int kCount>
__device__ DENSOR_OUT_OF_LINE Numbers<kCount> activated(math::Activation activation, float alpha,
                                                        Numbers<kCount> of) {
  math::with_activation(activation, [&](auto f) {
#pragma unroll
    for (float& x : of.x) x = f.value(x, alpha);
  });
  return of;
}

// Of derivatives alike, from what was saved.
template <int kCount>
__device__ DENSOR_OUT_OF_LINE Numbers<kCount> derived(math::Activation activation, float alpha,
                                                      Numbers<kCount> of) {
  math::with_activation(activation, [&](auto f) {
#pragma unroll
    for (float& x : of.x) x = f.derivative(x, alpha);
  });
  return of;
}

// What a thread has stored of a gradient, times a derivative that is not relu's: place(e) is where e lies.
// kEach at a time, which are on their way from memory together.
template <class C, int kEach, int kCount, class At>
__device__ __forceinline__ void multiply_gradient(const GemmProblem& p, const GemmOperands& o,
                                                  const GemmSlope& slope, At place) {
  static_assert(kCount % kEach == 0);
  if (!slope.other()) return;
  C* c = reinterpret_cast<C*>(o.c);
  const C* saved = reinterpret_cast<const C*>(slope.saved);
#pragma unroll 1
  for (int first = 0; first < kCount; first += kEach) {
    Numbers<kEach> of;
    float stored[kEach];
#pragma unroll
    for (int e = 0; e < kEach; ++e) {
      const GemmPlace at = place(first + e);
      of.x[e] = at.inside(p) ? to_float(saved[at.i * p.n + at.j]) : 0.0f;
      stored[e] = at.inside(p) ? to_float(c[at.i * p.n + at.j]) : 0.0f;
    }
    of = derived(slope.activation, slope.alpha, of);
#pragma unroll
    for (int e = 0; e < kEach; ++e) {
      const GemmPlace at = place(first + e);
      if (at.inside(p)) put(c + at.i * p.n + at.j, stored[e] * of.x[e]);
    }
  }
}

// Element (i, j) of an activation that is not relu, from its sum.
template <class C>
__device__ __forceinline__ void store_activated(const GemmFinish& f, const GemmProblem& p,
                                                const GemmOperands& o, std::int64_t i, std::int64_t j,
                                                float sum) {
  if (f.bias != nullptr) sum += f.bias[j];
  const std::int64_t at = i * p.n + j;
  if (f.z != nullptr) put(reinterpret_cast<C*>(f.z) + at, sum);
  put(reinterpret_cast<C*>(o.c) + at, activated(f.activation, f.alpha, Numbers<1>{{sum}}).x[0]);
}

// Sums of terms that are not finite, as chains of multiply-adds: place(e) is where sum e lies.
template <int kCount, class At>
__device__ __forceinline__ void repair_sums(const GemmProblem& p, const GemmOperands& o,
                                            float (&sums)[kCount], At place) {
  bool finite = true;
#pragma unroll
  for (int e = 0; e < kCount; ++e) finite &= is_finite(sums[e]);
  if (finite) return;
#pragma unroll 1
  for (int e = 0; e < kCount; ++e)
    if (!is_finite(sums[e]) && place(e).inside(p)) sums[e] = by_multiply_adds(p, o, place(e).i, place(e).j);
}

// store_activated of all sums of a thread; the right neighbour of one with an even e is the next. kEach at a
// time, in a loop that is not unrolled: it finds `sums`, a copy, in local memory, and the loops before it,
// whose registers they were, see no formula.
template <class C, int kEach, int kCount, class At>
__device__ __forceinline__ void activate_sums(const GemmFinish& f, const GemmProblem& p,
                                              const GemmOperands& o, const float (&sums)[kCount], At place) {
  C *c = reinterpret_cast<C*>(o.c), *z = reinterpret_cast<C*>(f.z);
  const bool pairs = p.n % 2 == 0 && lies_in_pairs(c) && lies_in_pairs(z);
#pragma unroll 1
  for (int first = 0; first < kCount; first += kEach) {
    Numbers<kEach> of;
#pragma unroll
    for (int e = 0; e < kEach; ++e) {
      const GemmPlace at = place(first + e);
      of.x[e] = sums[first + e];
      if (f.bias != nullptr && at.j < p.n) of.x[e] += f.bias[at.j];
    }
    const auto store = [&](C* to) {
#pragma unroll
      for (int e = 0; e < kEach; e += 2) {
        const GemmPlace at = place(first + e);
        if (at.inside(p)) put_two(to + at.i * p.n + at.j, of.x[e], of.x[e + 1], pairs, at.j + 1 < p.n);
      }
    };
    if (z != nullptr) store(z);
    of = activated(f.activation, f.alpha, of);
    store(c);
  }
}

}  // namespace densor::cuda
