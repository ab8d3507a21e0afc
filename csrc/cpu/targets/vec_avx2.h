// Vec for AVX2 + FMA: sixteen lanes in two registers. The surface is the same in every vec_*.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace densor::cpu {
namespace {

inline constexpr int kLanes = 16;

struct Mask {
  __m256 lo, hi;  // all ones or all zeros per lane
};

// Lanes [0, n) of eight set; n may lie outside [0, 8].
inline __m256i first8(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

// Stores the first n of eight lanes, n in [1, 8], by halves: a masked store takes AMD's cores six times as
// long as a plain one.
inline void store_first8(float* p, __m256 x, int n) {
  if (n >= 8) return _mm256_storeu_ps(p, x);
  __m128 rest = _mm256_castps256_ps128(x);
  if (n & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(x, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, rest);
}

struct Vec {
  __m256 lo, hi;

  Vec() = default;
  Vec(__m256 l, __m256 h) : lo(l), hi(h) {}
  Vec(float x) : lo(_mm256_set1_ps(x)), hi(lo) {}
  static Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Vec load_first(const float* p, int n) {
    return {_mm256_maskload_ps(p, first8(n)), _mm256_maskload_ps(p + 8, first8(n - 8))};
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
  void store_first(float* p, int n) const {  // n in [0, 16]
    store_first8(p, lo, n < 8 ? n : 8);
    if (n > 8) store_first8(p + 8, hi, n - 8);
  }
};

struct UVec {
  __m256i lo, hi;

  UVec() = default;
  UVec(__m256i l, __m256i h) : lo(l), hi(h) {}
  UVec(std::uint32_t x) : lo(_mm256_set1_epi32(static_cast<int>(x))), hi(lo) {}
  static UVec iota() {
    return {_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0), _mm256_set_epi32(15, 14, 13, 12, 11, 10, 9, 8)};
  }
  void store(std::uint32_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), lo);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), hi);
  }
  // Lanes of 16 bits.
  static UVec load_u16(const std::uint16_t* p) {
    return {_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  // The first n of them, n in [1, 15]: pairs, and the last one wherever it belongs.
  static UVec load_first_u16(const std::uint16_t* p, int n) {
    const __m256i lane = _mm256_set_epi16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const auto end = static_cast<short>(n - 1);
    const __m256i pairs = _mm256_maskload_epi32(reinterpret_cast<const int*>(p), first8(n / 2));
    const __m256i last = _mm256_set1_epi16(static_cast<short>(p[end]));
    const __m256i all = _mm256_blendv_epi8(pairs, last, _mm256_cmpeq_epi16(lane, _mm256_set1_epi16(end)));
    return {_mm256_cvtepu16_epi32(_mm256_castsi256_si128(all)),
            _mm256_cvtepu16_epi32(_mm256_extracti128_si256(all, 1))};
  }
  void store_u16(std::uint16_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed()); }
  void store_first_u16(std::uint16_t* p, int n) const {  // n in [1, 15], by halves as store_first8
    const __m256i all = packed();
    __m128i rest = _mm256_castsi256_si128(all);
    if (n & 8) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), rest);
      rest = _mm256_extracti128_si256(all, 1);
      p += 8;
    }
    if (n & 4) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), rest);
      rest = _mm_srli_si128(rest, 8);
      p += 4;
    }
    if (n & 2) {
      _mm_storeu_si32(p, rest);
      rest = _mm_srli_si128(rest, 4);
      p += 2;
    }
    if (n & 1) *p = static_cast<std::uint16_t>(_mm_extract_epi16(rest, 0));
  }

 private:
  __m256i packed() const {
    const __m256i pairs = _mm256_packus_epi32(lo, hi);  // the four quarters as lo, hi, lo, hi
    return _mm256_permute4x64_epi64(pairs, 0xd8);
  }
};

// Eight float64 lanes, and how many rows and columns of them the registers hold as accumulators.
inline constexpr int kDVecSide = 2;
struct DVec {
  static constexpr int kCount = 8;
  __m256d lo, hi;

  static DVec zero() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
  // Of floats.
  static DVec load(const float* p) {
    return {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
  }
  static DVec load_first(const float* p, int n) {
    const __m256 x = _mm256_maskload_ps(p, first8(n));
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
  }
  void store(double* p) const {
    _mm256_storeu_pd(p, lo);
    _mm256_storeu_pd(p + 4, hi);
  }
};
inline DVec fma(DVec a, DVec b, DVec c) {
  return {_mm256_fmadd_pd(a.lo, b.lo, c.lo), _mm256_fmadd_pd(a.hi, b.hi, c.hi)};
}

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
inline Vec operator-(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.lo, sign), _mm256_xor_ps(a.hi, sign)};
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
inline Vec abs(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
inline Vec round(Vec a) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.lo, kNearest), _mm256_round_ps(a.hi, kNearest)};
}

inline Mask operator<(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
inline Mask operator<=(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}
inline Mask operator>(Vec a, Vec b) { return b < a; }
inline Mask operator>=(Vec a, Vec b) { return b <= a; }
inline Mask operator==(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
inline Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.lo, b.lo), _mm256_and_ps(a.hi, b.hi)}; }
inline Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)}; }
inline Mask operator!(Mask a) {
  const __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(a.lo, ones), _mm256_xor_ps(a.hi, ones)};
}
inline __m256 expand8(std::uint32_t bits) {
  const __m256i lane_bit = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
  const __m256i picked = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane_bit);
  return _mm256_castsi256_ps(_mm256_cmpeq_epi32(picked, lane_bit));
}
inline Mask mask_from_bits(std::uint32_t bits) { return {expand8(bits), expand8(bits >> 8)}; }
inline std::uint32_t bits_of(Mask m) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(m.lo)) |
         static_cast<std::uint32_t>(_mm256_movemask_ps(m.hi)) << 8;
}
inline bool any(Mask m) { return bits_of(m) != 0; }
inline Vec select(Mask m, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}

inline UVec operator+(UVec a, UVec b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
inline UVec operator-(UVec a, UVec b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
inline UVec operator^(UVec a, UVec b) { return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)}; }
inline UVec operator&(UVec a, UVec b) { return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)}; }
inline UVec operator|(UVec a, UVec b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
template <int N>
inline UVec shift_left(UVec a) {
  return {_mm256_slli_epi32(a.lo, N), _mm256_slli_epi32(a.hi, N)};
}
template <int N>
inline UVec shift_right(UVec a) {
  return {_mm256_srli_epi32(a.lo, N), _mm256_srli_epi32(a.hi, N)};
}
inline void multiply_wide8(__m256i a, __m256i b, __m256i& high, __m256i& low) {
  const __m256i even = _mm256_mul_epu32(a, b);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
inline void multiply_wide(UVec a, UVec b, UVec& high, UVec& low) {
  multiply_wide8(a.lo, b.lo, high.lo, low.lo);
  multiply_wide8(a.hi, b.hi, high.hi, low.hi);
}
// Lanes as they enter multiply_wide, whose results are of the same kind; see vec_avx512.h.
using Factor = UVec;
inline UVec lanes(Factor a) { return a; }
inline Mask less_small(UVec a, UVec b) {
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.lo, a.lo)),
          _mm256_castsi256_ps(_mm256_cmpgt_epi32(b.hi, a.hi))};
}
inline UVec as_bits(Vec a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
inline Vec from_bits(UVec a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
inline Vec to_float(UVec a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
inline UVec to_int(Vec a) { return {_mm256_cvttps_epi32(a.lo), _mm256_cvttps_epi32(a.hi)}; }

}  // namespace
}  // namespace densor::cpu
