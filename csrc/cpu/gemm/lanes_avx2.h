// One AVX register as the GEMM uses it. The surface is the same in every lanes_*.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace densor::cpu {
namespace {

using Reg = __m256;
using RegMask = __m256i;
inline constexpr int kRegLanes = 8;
inline constexpr int kAccumulators = 12;
inline constexpr int kMaxTileVectors = 12;
inline constexpr int kMaxPackedVectors = 2;
inline constexpr int kAcrossVectors = 2, kAcrossAccumulators = 12;
inline constexpr bool kShifts = false;  // reg_shift exists
inline constexpr bool kPacksRows = true;
inline constexpr int kMaxTileRows = 12;
inline constexpr double kFlopsPerCycle = 32;

inline RegMask reg_mask(std::int64_t n) {  // n <= lanes
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}
inline Reg reg_zero() { return _mm256_setzero_ps(); }
inline Reg reg_broadcast(const float* p) { return _mm256_broadcast_ss(p); }
inline Reg reg_load(const float* p) { return _mm256_loadu_ps(p); }
inline Reg reg_load(const float* p, RegMask m) { return _mm256_maskload_ps(p, m); }
inline void reg_store(float* p, Reg x) { _mm256_storeu_ps(p, x); }
inline void reg_store(float* p, Reg x, RegMask m) { _mm256_maskstore_ps(p, m, x); }
inline Reg reg_add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
inline Reg reg_mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
inline Reg reg_max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
// 1 where x > 0, else 0.
inline Reg reg_step(Reg x) {
  return _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ), _mm256_set1_ps(1.0f));
}
// x in the lanes whose bits are set, else 0.
inline Reg reg_keep(Reg x, std::uint32_t bits) {
  const __m256i lane = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
  const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane);
  return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane)));
}
// The sum stays in its register: left to choose, the compiler moves sums about and spills two of twelve.
inline Reg reg_fma(Reg a, Reg b, Reg c) {
  asm("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
  return c;
}
inline Reg reg_fma(const float* a, Reg b, Reg c) { return reg_fma(reg_broadcast(a), b, c); }
// Keeps the compiler from knowing the value.
inline void reg_hide(Reg& x) { asm volatile("" : "+x"(x)); }

// Transposes lanes x lanes floats: pairs, quads, then the two halves.
inline void reg_transpose(Reg (&r)[kRegLanes]) {
  Reg t[kRegLanes];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) r[i] = t[i];
}

}  // namespace
}  // namespace densor::cpu
