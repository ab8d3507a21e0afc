// What becomes of the sums that a lane of the wgmma kernel has of a tile of c: rows r and r + 8, of each
// eight columns two. C: of c.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/gemm/dropout.cuh"
#include "cuda/gemm/finish.cuh"

namespace densor::cuda {

// Where the elements of a lane lie in c.
struct WgmmaPlace {
  std::int64_t row, col;

  __device__ std::int64_t i(int e) const { return row + e % 4 / 2 * 8; }
  __device__ std::int64_t j(int e) const { return col + e / 4 * 8 + e % 2; }
  __device__ GemmPlace operator()(int e) const { return {i(e), j(e)}; }
};

// The sums as they are, of one part of several.
template <int kCount>
__device__ __forceinline__ void leave_part(float* partial, const GemmProblem& p, const WgmmaPlace& at,
                                           const float (&total)[kCount]) {
#pragma unroll
  for (int e = 0; e < kCount; ++e)
    if (at.i(e) < p.m && at.j(e) < p.n) partial[at.i(e) * p.n + at.j(e)] = total[e];
}

// `total` becomes what is computed, before it is rounded to C.
template <class C, int kCount>
__device__ __forceinline__ void finish_sums(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                            bool pairs, const WgmmaPlace& at, float (&total)[kCount]) {
  std::uint32_t lost[kCount / 32] = {};  // the elements that are not finite
#pragma unroll
  for (int e = 0; e < kCount; e += 2) {
    const std::int64_t i = at.i(e), j = at.j(e);
    if (i >= p.m || j >= p.n) continue;
    const bool two = j + 1 < p.n;
    lost[e / 32] |= (is_finite(total[e]) ? 0u : 1u) << e % 32;
    lost[e / 32] |= (!two || is_finite(total[e + 1]) ? 0u : 2u) << e % 32;
    C* to = reinterpret_cast<C*>(o.c) + i * p.n + j;
    total[e] = finished<C>(f, p, i, j, total[e]);
    if (two) total[e + 1] = finished<C>(f, p, i, j + 1, total[e + 1]);
    put_two(to, total[e], total[e + 1], pairs, two);
  }
#pragma unroll
  for (int word = 0; word < kCount / 32; ++word)
#pragma unroll 1
    for (int bit = 0; bit < 32; ++bit) {
      if ((lost[word] >> bit & 1u) == 0) continue;
      const std::int64_t i = at.i(32 * word + bit), j = at.j(32 * word + bit);
      put(reinterpret_cast<C*>(o.c) + i * p.n + j, finished<C>(f, p, i, j, by_multiply_adds(p, o, i, j)));
    }
#pragma unroll
  for (int e = 0; e < kCount; ++e)
    if ((lost[e / 32] >> e % 32 & 1u) != 0)
      total[e] = to_float(reinterpret_cast<const C*>(o.c)[at.i(e) * p.n + at.j(e)]);
}

// The same behind dropout, and its mask. Four instructions at a time, in a loop that is not unrolled, which
// finds the sums in local memory: beside all of them there are no registers for this.
template <class C, int kCount, class Dropout>
__device__ __forceinline__ void drop_sums(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                          bool pairs, const WgmmaPlace& at, float (&total)[kCount],
                                          const Dropout& dropout) {
  constexpr int kEach = 16, kColumns = 32;
  float sums[kCount];
#pragma unroll
  for (int e = 0; e < kCount; ++e) sums[e] = total[e];
  repair_sums(p, o, sums, at);
#pragma unroll 1
  for (int first = 0; first < kCount; first += kEach) {
    float x[kEach];
#pragma unroll
    for (int e = 0; e < kEach; e += 2) {
      const std::int64_t i = at.i(first + e), j = at.j(first + e);
      const bool two = j + 1 < p.n;
      x[e] = j < p.n ? finished<C, false>(f, p, i, j, sums[first + e], dropout) : 0.0f;
      x[e + 1] = two ? finished<C, false>(f, p, i, j + 1, sums[first + e + 1], dropout) : 0.0f;
      if (i < p.m && j < p.n) put_two(reinterpret_cast<C*>(o.c) + i * p.n + j, x[e], x[e + 1], pairs, two);
      sums[first + e] = x[e];
      sums[first + e + 1] = x[e + 1];
    }
    dropout.put_instructions(at.row, at.col - lane_index() % 4 * 2 + first / kEach * kColumns,
                             [&](int j, int e) { return x[j * 4 + e]; });
  }
#pragma unroll
  for (int e = 0; e < kCount; ++e) total[e] = sums[e];
}

// All of a product that is no gradient, where its activation is not relu.
template <class C, int kCount>
__device__ __forceinline__ void activate(const GemmFinish& f, const GemmProblem& p, const GemmOperands& o,
                                         const float (&total)[kCount], const WgmmaPlace& at) {
  float sums[kCount];
#pragma unroll
  for (int e = 0; e < kCount; ++e) sums[e] = total[e];
  repair_sums(p, o, sums, at);
  activate_sums<C, 4>(f, p, o, sums, at);
}

}  // namespace densor::cuda
