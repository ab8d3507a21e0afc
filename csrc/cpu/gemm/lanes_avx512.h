// One AVX-512 register as the GEMM uses it. The surface is the same in every lanes_*.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace densor::cpu {
namespace {

using Reg = __m512;
using RegMask = __mmask16;
inline constexpr int kRegLanes = 16;
inline constexpr int kAccumulators = 24;
inline constexpr int kMaxTileVectors = 20;
inline constexpr int kMaxPackedVectors = 3;
inline constexpr int kAcrossVectors = 2, kAcrossAccumulators = 28;
inline constexpr bool kShifts = true;  // reg_shift exists
inline constexpr bool kPacksRows = true;
inline constexpr int kMaxTileRows = 16;
inline constexpr double kFlopsPerCycle = 64;

inline RegMask reg_mask(std::int64_t n) { return static_cast<RegMask>((1u << n) - 1u); }  // n <= lanes
inline Reg reg_zero() { return _mm512_setzero_ps(); }
inline Reg reg_broadcast(const float* p) { return _mm512_set1_ps(*p); }
inline Reg reg_load(const float* p) { return _mm512_loadu_ps(p); }
inline Reg reg_load(const float* p, RegMask m) { return _mm512_maskz_loadu_ps(m, p); }
inline void reg_store(float* p, Reg x) { _mm512_storeu_ps(p, x); }
inline void reg_store(float* p, Reg x, RegMask m) { _mm512_mask_storeu_ps(p, m, x); }
inline Reg reg_add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
inline Reg reg_mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
inline Reg reg_max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
// 1 where x > 0, else 0.
inline Reg reg_step(Reg x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), _mm512_set1_ps(1.0f));
}
// x in the lanes whose bits are set, else 0.
inline Reg reg_keep(Reg x, std::uint32_t bits) {
  return _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), x);
}
inline Reg reg_fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
// a is one float in memory: an instruction less for the ports than a broadcast of its own.
inline Reg reg_fma(const float* a, Reg b, Reg c) {
  asm("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(*a), "v"(b));
  return c;
}
// Lanes N to N + 15 of two registers, one behind the other.
template <int N>
inline Reg reg_shift(Reg low, Reg high) {
  return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(high), _mm512_castps_si512(low), N));
}
// Keeps the compiler from knowing the value.
inline void reg_hide(Reg& x) { asm volatile("" : "+v"(x)); }

// Transposes lanes x lanes floats: pairs, quads, then the four 128-bit quarters.
inline void reg_transpose(Reg (&r)[kRegLanes]) {
  Reg t[kRegLanes];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Reg low02 = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    const Reg low13 = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    const Reg high02 = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    const Reg high13 = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    t[i] = _mm512_shuffle_f32x4(low02, high02, 0x88);
    t[i + 8] = _mm512_shuffle_f32x4(low02, high02, 0xdd);
    t[i + 4] = _mm512_shuffle_f32x4(low13, high13, 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(low13, high13, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

}  // namespace
}  // namespace densor::cpu
