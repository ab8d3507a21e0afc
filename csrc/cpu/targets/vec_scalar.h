// Vec for machines without AVX2: the compiler's own vectors of sixteen lanes, lowered to whatever the machine
// has. The surface is the same in every vec_*.h.
//
// A Vec is sixteen float32 lanes on every target, so that row reductions, masks and noise have one order of
// lanes and a kernel body is written once. There is no fused multiply-add here: fma rounds twice, and results
// differ in the last bits from those of the FMA targets, which agree with one another.
#pragma once

#include <cstdint>
#include <cstring>

namespace densor::cpu {
namespace {

inline constexpr int kLanes = 16;

using Floats = float __attribute__((vector_size(64)));
using Words = std::uint32_t __attribute__((vector_size(64)));
using Signed = std::int32_t __attribute__((vector_size(64)));
using LongWords = std::uint64_t __attribute__((vector_size(128)));

inline Words iota_words() { return Words{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

struct Mask {
  Signed lanes;  // -1 or 0
};

struct Vec {
  Floats r;

  Vec() = default;
  Vec(Floats x) : r(x) {}
  Vec(float x) : r(x - Floats{}) {}  // x - 0 keeps the sign of zero
  static Vec load(const float* p) {
    Vec x;
    std::memcpy(&x.r, p, sizeof x.r);
    return x;
  }
  static Vec load_first(const float* p, int n) {
    Vec x(0.0f);
    for (int i = 0; i < n; ++i) x.r[i] = p[i];
    return x;
  }
  void store(float* p) const { std::memcpy(p, &r, sizeof r); }
  void store_first(float* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = r[i];
  }
};

// Eight float64 lanes, and how many rows and columns of them the registers hold as accumulators.
inline constexpr int kDVecSide = 1;
struct DVec {
  static constexpr int kCount = 8;
  double r[kCount];

  static DVec zero() { return {}; }
  // Of floats.
  static DVec load(const float* p) { return load_first(p, kCount); }
  static DVec load_first(const float* p, int n) {
    DVec x{};
    for (int i = 0; i < n; ++i) x.r[i] = static_cast<double>(p[i]);
    return x;
  }
  void store(double* p) const { std::memcpy(p, r, sizeof r); }
};
inline DVec fma(const DVec& a, const DVec& b, DVec c) {
  for (int i = 0; i < DVec::kCount; ++i) c.r[i] += a.r[i] * b.r[i];
  return c;
}

// Sixteen unsigned 32-bit lanes.
struct UVec {
  Words r;

  UVec() = default;
  UVec(Words x) : r(x) {}
  UVec(std::uint32_t x) : r(x + Words{}) {}
  static UVec iota() { return iota_words(); }
  void store(std::uint32_t* p) const { std::memcpy(p, &r, sizeof r); }
  // Lanes of 16 bits.
  static UVec load_u16(const std::uint16_t* p) { return load_first_u16(p, kLanes); }
  static UVec load_first_u16(const std::uint16_t* p, int n) {
    UVec x(0u);
    for (int i = 0; i < n; ++i) x.r[i] = p[i];
    return x;
  }
  void store_u16(std::uint16_t* p) const { store_first_u16(p, kLanes); }
  void store_first_u16(std::uint16_t* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = static_cast<std::uint16_t>(r[i]);
  }
};

inline UVec as_bits(Vec a) { return reinterpret_cast<Words>(a.r); }
inline Vec from_bits(UVec a) { return reinterpret_cast<Floats>(a.r); }

inline Vec operator+(Vec a, Vec b) { return a.r + b.r; }
inline Vec operator-(Vec a, Vec b) { return a.r - b.r; }
inline Vec operator*(Vec a, Vec b) { return a.r * b.r; }
inline Vec operator/(Vec a, Vec b) { return a.r / b.r; }
inline Vec operator-(Vec a) { return -a.r; }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec sqrt(Vec a) {
  for (int i = 0; i < kLanes; ++i) a.r[i] = __builtin_sqrtf(a.r[i]);
  return a;
}
// As the x86 instructions: the second operand where either is NaN.
inline Vec min(Vec a, Vec b) { return a.r < b.r ? a.r : b.r; }
inline Vec max(Vec a, Vec b) { return a.r > b.r ? a.r : b.r; }
inline Vec abs(Vec a) { return from_bits(as_bits(a).r & 0x7fffffffu); }
// To the nearest integer, ties to even; |a| < 2^22: adding 1.5 * 2^23 leaves no room for a fraction.
inline Vec round(Vec a) { return (a.r + 12582912.0f) - 12582912.0f; }

inline Mask operator<(Vec a, Vec b) { return {a.r < b.r}; }
inline Mask operator<=(Vec a, Vec b) { return {a.r <= b.r}; }
inline Mask operator>(Vec a, Vec b) { return b < a; }
inline Mask operator>=(Vec a, Vec b) { return b <= a; }
inline Mask operator==(Vec a, Vec b) { return {a.r == b.r}; }
inline Mask operator&(Mask a, Mask b) { return {a.lanes & b.lanes}; }
inline Mask operator|(Mask a, Mask b) { return {a.lanes | b.lanes}; }
inline Mask operator!(Mask a) { return {~a.lanes}; }
// Lane i is bit i.
inline Mask mask_from_bits(std::uint32_t bits) { return {((bits >> iota_words()) & 1u) != 0u}; }
inline std::uint32_t bits_of(Mask m) {
  std::uint32_t bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= (static_cast<std::uint32_t>(m.lanes[i]) & 1u) << i;
  return bits;
}
inline bool any(Mask m) { return bits_of(m) != 0; }
inline Vec select(Mask m, Vec a, Vec b) { return m.lanes ? a.r : b.r; }

inline UVec operator+(UVec a, UVec b) { return a.r + b.r; }
inline UVec operator-(UVec a, UVec b) { return a.r - b.r; }
inline UVec operator^(UVec a, UVec b) { return a.r ^ b.r; }
inline UVec operator&(UVec a, UVec b) { return a.r & b.r; }
inline UVec operator|(UVec a, UVec b) { return a.r | b.r; }
template <int N>
inline UVec shift_left(UVec a) {
  return a.r << N;
}
template <int N>
inline UVec shift_right(UVec a) {
  return a.r >> N;
}
// High and low halves of the 64-bit products.
inline void multiply_wide(UVec a, UVec b, UVec& high, UVec& low) {
  const LongWords product = __builtin_convertvector(a.r, LongWords) * __builtin_convertvector(b.r, LongWords);
  high.r = __builtin_convertvector(product >> 32, Words);
  low.r = __builtin_convertvector(product, Words);
}
// Lanes as they enter multiply_wide, whose results are of the same kind; see vec_avx512.h.
using Factor = UVec;
inline UVec lanes(Factor a) { return a; }
// a < 2^31 and b < 2^31.
inline Mask less_small(UVec a, UVec b) { return {a.r < b.r}; }
// Signed conversions: lanes hold two's complement integers with |a| < 2^22.
inline Vec to_float(UVec a) { return __builtin_convertvector(reinterpret_cast<Signed>(a.r), Floats); }
inline UVec to_int(Vec a) { return reinterpret_cast<Words>(__builtin_convertvector(a.r, Signed)); }

}  // namespace
}  // namespace densor::cpu
