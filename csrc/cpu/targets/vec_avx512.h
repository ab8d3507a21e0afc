// Vec for AVX-512 (F, BW, DQ, VL): sixteen lanes in one register. The surface is the same in every vec_*.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace densor::cpu {
namespace {

inline constexpr int kLanes = 16;

struct Mask {
  __mmask16 bits;
};

inline __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }

struct Vec {
  __m512 r;

  Vec() = default;
  Vec(__m512 x) : r(x) {}
  Vec(float x) : r(_mm512_set1_ps(x)) {}
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static Vec load_first(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  void store(float* p) const { _mm512_storeu_ps(p, r); }
  void store_first(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), r); }
};

struct UVec {
  __m512i r;

  UVec() = default;
  UVec(__m512i x) : r(x) {}
  UVec(std::uint32_t x) : r(_mm512_set1_epi32(static_cast<int>(x))) {}
  static UVec iota() { return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
  void store(std::uint32_t* p) const { _mm512_storeu_si512(p, r); }
  // Lanes of 16 bits.
  static UVec load_u16(const std::uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static UVec load_first_u16(const std::uint16_t* p, int n) {
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(n), p));
  }
  void store_u16(std::uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(r));
  }
  void store_first_u16(std::uint16_t* p, int n) const {
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtepi32_epi16(r));
  }
};

// Eight float64 lanes, and how many rows and columns of them the registers hold as accumulators.
inline constexpr int kDVecSide = 4;
struct DVec {
  static constexpr int kCount = 8;
  __m512d r;

  static DVec zero() { return {_mm512_setzero_pd()}; }
  // Of floats.
  static DVec load(const float* p) { return {_mm512_cvtps_pd(_mm256_loadu_ps(p))}; }
  static DVec load_first(const float* p, int n) {
    return {_mm512_cvtps_pd(_mm256_maskz_loadu_ps(static_cast<__mmask8>(first(n)), p))};
  }
  void store(double* p) const { _mm512_storeu_pd(p, r); }
};
inline DVec fma(DVec a, DVec b, DVec c) { return {_mm512_fmadd_pd(a.r, b.r, c.r)}; }

inline Vec operator+(Vec a, Vec b) { return _mm512_add_ps(a.r, b.r); }
inline Vec operator-(Vec a, Vec b) { return _mm512_sub_ps(a.r, b.r); }
inline Vec operator*(Vec a, Vec b) { return _mm512_mul_ps(a.r, b.r); }
inline Vec operator/(Vec a, Vec b) { return _mm512_div_ps(a.r, b.r); }
inline Vec operator-(Vec a) { return _mm512_xor_ps(a.r, _mm512_set1_ps(-0.0f)); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a.r, b.r, c.r); }
inline Vec sqrt(Vec a) { return _mm512_sqrt_ps(a.r); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a.r, b.r); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a.r, b.r); }
inline Vec abs(Vec a) { return _mm512_abs_ps(a.r); }
inline Vec round(Vec a) { return _mm512_roundscale_ps(a.r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

inline Mask operator<(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_LT_OQ)}; }
inline Mask operator<=(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_LE_OQ)}; }
inline Mask operator>(Vec a, Vec b) { return b < a; }
inline Mask operator>=(Vec a, Vec b) { return b <= a; }
inline Mask operator==(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_EQ_OQ)}; }
inline Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.bits & b.bits)}; }
inline Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.bits | b.bits)}; }
inline Mask operator!(Mask a) { return {static_cast<__mmask16>(~a.bits)}; }
inline Mask mask_from_bits(std::uint32_t bits) { return {static_cast<__mmask16>(bits)}; }
inline std::uint32_t bits_of(Mask m) { return m.bits; }
inline bool any(Mask m) { return m.bits != 0; }
inline Vec select(Mask m, Vec a, Vec b) { return _mm512_mask_blend_ps(m.bits, b.r, a.r); }

inline UVec operator+(UVec a, UVec b) { return _mm512_add_epi32(a.r, b.r); }
inline UVec operator-(UVec a, UVec b) { return _mm512_sub_epi32(a.r, b.r); }
inline UVec operator^(UVec a, UVec b) { return _mm512_xor_si512(a.r, b.r); }
inline UVec operator&(UVec a, UVec b) { return _mm512_and_si512(a.r, b.r); }
inline UVec operator|(UVec a, UVec b) { return _mm512_or_si512(a.r, b.r); }
template <int N>
inline UVec shift_left(UVec a) {
  return _mm512_slli_epi32(a.r, N);
}
template <int N>
inline UVec shift_right(UVec a) {
  return _mm512_srli_epi32(a.r, N);
}
// Lanes as they enter multiply_wide, whose results are of the same kind: here they stay where the instruction
// leaves its products, in 64-bit lanes of which only the low half counts.
struct Factor {
  __m512i even, odd;

  Factor() = default;
  Factor(__m512i e, __m512i o) : even(e), odd(o) {}
  explicit Factor(std::uint32_t x) : even(_mm512_set1_epi32(static_cast<int>(x))), odd(even) {}
  explicit Factor(UVec a) : even(a.r), odd(_mm512_srli_epi64(a.r, 32)) {}
};
inline UVec lanes(Factor a) { return _mm512_mask_blend_epi32(0xAAAA, a.even, _mm512_slli_epi64(a.odd, 32)); }
inline Factor operator^(Factor a, Factor b) {
  return {_mm512_xor_si512(a.even, b.even), _mm512_xor_si512(a.odd, b.odd)};
}
inline void multiply_wide(Factor a, Factor b, Factor& high, Factor& low) {
  low = {_mm512_mul_epu32(a.even, b.even), _mm512_mul_epu32(a.odd, b.odd)};
  // By a shuffle: a shift would wait for the port that multiplies.
  high = {_mm512_shuffle_epi32(low.even, _MM_PERM_DDBB), _mm512_shuffle_epi32(low.odd, _MM_PERM_DDBB)};
}
inline Mask less_small(UVec a, UVec b) { return {_mm512_cmplt_epi32_mask(a.r, b.r)}; }
inline UVec as_bits(Vec a) { return _mm512_castps_si512(a.r); }
inline Vec from_bits(UVec a) { return _mm512_castsi512_ps(a.r); }
inline Vec to_float(UVec a) { return _mm512_cvtepi32_ps(a.r); }
inline UVec to_int(Vec a) { return _mm512_cvttps_epi32(a.r); }

}  // namespace
}  // namespace densor::cpu
