// Vec for NEON on aarch64: sixteen lanes in four registers. The surface is the same in every vec_*.h.
//
// The bits are those of the x86 FMA targets, but for NaN's sign and payload, and for results between the
// largest denormal and 2^-126: whether they are flushed x86 decides after rounding, ARM before. Comparisons
// pick in min and max, since the instructions of that name treat NaN and the sign of zero differently.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace densor::cpu {
namespace {

inline constexpr int kLanes = 16;
inline constexpr int kQuads = 4;

// f(0), f(1), f(2), f(3), one for each register.
template <class F>
inline void each_quad(F f) {
#pragma GCC unroll 4
  for (int i = 0; i < kQuads; ++i) f(i);
}

struct Mask {
  uint32x4_t r[kQuads];  // all ones or all zeros per lane
};

struct Vec {
  float32x4_t r[kQuads];

  Vec() = default;
  Vec(float x) {
    each_quad([&](int i) { r[i] = vdupq_n_f32(x); });
  }
  static Vec load(const float* p) {
    Vec x;
    each_quad([&](int i) { x.r[i] = vld1q_f32(p + 4 * i); });
    return x;
  }
  static Vec load_first(const float* p, int n) {
    float lanes[kLanes] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load(lanes);
  }
  void store(float* p) const {
    each_quad([&](int i) { vst1q_f32(p + 4 * i, r[i]); });
  }
  void store_first(float* p, int n) const {
    float lanes[kLanes];
    store(lanes);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
  }
};

// Eight float64 lanes, and how many rows and columns of them the registers hold as accumulators.
inline constexpr int kDVecSide = 2;
struct DVec {
  static constexpr int kCount = 8;
  float64x2_t r[kQuads];

  static DVec zero() {
    DVec x;
    each_quad([&](int i) { x.r[i] = vdupq_n_f64(0.0); });
    return x;
  }
  // Of floats.
  static DVec load(const float* p) {
    DVec x;
    each_quad([&](int i) { x.r[i] = vcvt_f64_f32(vld1_f32(p + 2 * i)); });
    return x;
  }
  static DVec load_first(const float* p, int n) {
    float lanes[2 * kQuads] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load(lanes);
  }
  void store(double* p) const {
    each_quad([&](int i) { vst1q_f64(p + 2 * i, r[i]); });
  }
};
inline DVec fma(DVec a, DVec b, DVec c) {
  each_quad([&](int i) { c.r[i] = vfmaq_f64(c.r[i], a.r[i], b.r[i]); });
  return c;
}

// Sixteen unsigned 32-bit lanes.
struct UVec {
  uint32x4_t r[kQuads];

  UVec() = default;
  UVec(std::uint32_t x) {
    each_quad([&](int i) { r[i] = vdupq_n_u32(x); });
  }
  static UVec iota() {
    static constexpr std::uint32_t kFirst[] = {0, 1, 2, 3};
    UVec x;
    each_quad(
        [&](int i) { x.r[i] = vaddq_u32(vld1q_u32(kFirst), vdupq_n_u32(4u * static_cast<unsigned>(i))); });
    return x;
  }
  void store(std::uint32_t* p) const {
    each_quad([&](int i) { vst1q_u32(p + 4 * i, r[i]); });
  }
  // Lanes of 16 bits.
  static UVec load_u16(const std::uint16_t* p) {
    UVec x;
    each_quad([&](int i) { x.r[i] = vmovl_u16(vld1_u16(p + 4 * i)); });
    return x;
  }
  static UVec load_first_u16(const std::uint16_t* p, int n) {
    std::uint16_t lanes[kLanes] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load_u16(lanes);
  }
  void store_u16(std::uint16_t* p) const {
    each_quad([&](int i) { vst1_u16(p + 4 * i, vmovn_u32(r[i])); });
  }
  void store_first_u16(std::uint16_t* p, int n) const {
    std::uint16_t lanes[kLanes];
    store_u16(lanes);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
  }
};

// The result's registers from those of the operands: f(a.r[i], b.r[i], ...).
template <class Result, class F, class... Operands>
inline Result by_quads(F f, const Operands&... operands) {
  Result result;
  each_quad([&](int i) { result.r[i] = f(operands.r[i]...); });
  return result;
}

inline UVec as_bits(Vec a) {
  return by_quads<UVec>([](float32x4_t x) { return vreinterpretq_u32_f32(x); }, a);
}
inline Vec from_bits(UVec a) {
  return by_quads<Vec>([](uint32x4_t x) { return vreinterpretq_f32_u32(x); }, a);
}

inline Vec operator+(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return vaddq_f32(x, y); }, a, b);
}
inline Vec operator-(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return vsubq_f32(x, y); }, a, b);
}
inline Vec operator*(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return vmulq_f32(x, y); }, a, b);
}
inline Vec operator/(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return vdivq_f32(x, y); }, a, b);
}
inline Vec operator-(Vec a) {
  return by_quads<Vec>([](float32x4_t x) { return vnegq_f32(x); }, a);
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y, float32x4_t z) { return vfmaq_f32(z, x, y); }, a, b,
                       c);
}
inline Vec sqrt(Vec a) {
  return by_quads<Vec>([](float32x4_t x) { return vsqrtq_f32(x); }, a);
}
inline float32x4_t flushed(float32x4_t x) { return vmaxq_f32(x, x); }
// As the x86 instructions: the second operand where either is NaN, and where both are zero; and denormals are
// flushed where they are everywhere: selecting does not do that, the larger one of two equal numbers does.
inline Vec min(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return flushed(vbslq_f32(vcltq_f32(x, y), x, y)); },
                       a, b);
}
inline Vec max(Vec a, Vec b) {
  return by_quads<Vec>([](float32x4_t x, float32x4_t y) { return flushed(vbslq_f32(vcgtq_f32(x, y), x, y)); },
                       a, b);
}
inline Vec abs(Vec a) {
  return by_quads<Vec>([](float32x4_t x) { return vabsq_f32(x); }, a);
}
inline Vec round(Vec a) {  // ties to even
  return by_quads<Vec>([](float32x4_t x) { return vrndnq_f32(x); }, a);
}

inline Mask operator<(Vec a, Vec b) {
  return by_quads<Mask>([](float32x4_t x, float32x4_t y) { return vcltq_f32(x, y); }, a, b);
}
inline Mask operator<=(Vec a, Vec b) {
  return by_quads<Mask>([](float32x4_t x, float32x4_t y) { return vcleq_f32(x, y); }, a, b);
}
inline Mask operator>(Vec a, Vec b) { return b < a; }
inline Mask operator>=(Vec a, Vec b) { return b <= a; }
inline Mask operator==(Vec a, Vec b) {
  return by_quads<Mask>([](float32x4_t x, float32x4_t y) { return vceqq_f32(x, y); }, a, b);
}
inline Mask operator&(Mask a, Mask b) {
  return by_quads<Mask>([](uint32x4_t x, uint32x4_t y) { return vandq_u32(x, y); }, a, b);
}
inline Mask operator|(Mask a, Mask b) {
  return by_quads<Mask>([](uint32x4_t x, uint32x4_t y) { return vorrq_u32(x, y); }, a, b);
}
inline Mask operator!(Mask a) {
  return by_quads<Mask>([](uint32x4_t x) { return vmvnq_u32(x); }, a);
}
// Lane i is bit i.
inline UVec lane_bits() {
  static constexpr std::uint32_t kBits[] = {1, 2, 4, 8};
  UVec x;
  each_quad([&](int i) { x.r[i] = vshlq_u32(vld1q_u32(kBits), vdupq_n_s32(4 * i)); });
  return x;
}
inline Mask mask_from_bits(std::uint32_t bits) {
  return by_quads<Mask>([](uint32x4_t x, uint32x4_t bit) { return vtstq_u32(x, bit); }, UVec(bits),
                        lane_bits());
}
inline std::uint32_t bits_of(Mask m) {
  const UVec bits =
      by_quads<UVec>([](uint32x4_t x, uint32x4_t bit) { return vandq_u32(x, bit); }, m, lane_bits());
  return vaddvq_u32(vaddq_u32(vaddq_u32(bits.r[0], bits.r[1]), vaddq_u32(bits.r[2], bits.r[3])));
}
inline bool any(Mask m) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(m.r[0], m.r[1]), vorrq_u32(m.r[2], m.r[3]))) != 0;
}
inline Vec select(Mask m, Vec a, Vec b) {
  return by_quads<Vec>([](uint32x4_t c, float32x4_t x, float32x4_t y) { return vbslq_f32(c, x, y); }, m, a,
                       b);
}

inline UVec operator+(UVec a, UVec b) {
  return by_quads<UVec>([](uint32x4_t x, uint32x4_t y) { return vaddq_u32(x, y); }, a, b);
}
inline UVec operator-(UVec a, UVec b) {
  return by_quads<UVec>([](uint32x4_t x, uint32x4_t y) { return vsubq_u32(x, y); }, a, b);
}
inline UVec operator^(UVec a, UVec b) {
  return by_quads<UVec>([](uint32x4_t x, uint32x4_t y) { return veorq_u32(x, y); }, a, b);
}
inline UVec operator&(UVec a, UVec b) {
  return by_quads<UVec>([](uint32x4_t x, uint32x4_t y) { return vandq_u32(x, y); }, a, b);
}
inline UVec operator|(UVec a, UVec b) {
  return by_quads<UVec>([](uint32x4_t x, uint32x4_t y) { return vorrq_u32(x, y); }, a, b);
}
template <int N>
inline UVec shift_left(UVec a) {
  return by_quads<UVec>([](uint32x4_t x) { return vshlq_n_u32(x, N); }, a);
}
template <int N>
inline UVec shift_right(UVec a) {
  return by_quads<UVec>([](uint32x4_t x) { return vshrq_n_u32(x, N); }, a);
}
// High and low halves of the 64-bit products.
inline void multiply_wide(UVec a, UVec b, UVec& high, UVec& low) {
  each_quad([&](int i) {
    const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.r[i]), vget_low_u32(b.r[i])));
    const uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(a.r[i], b.r[i]));
    low.r[i] = vuzp1q_u32(first, second);
    high.r[i] = vuzp2q_u32(first, second);
  });
}
// Lanes as they enter multiply_wide, whose results are of the same kind; see vec_avx512.h.
using Factor = UVec;
inline UVec lanes(Factor a) { return a; }
// a < 2^31 and b < 2^31.
inline Mask less_small(UVec a, UVec b) {
  return by_quads<Mask>([](uint32x4_t x, uint32x4_t y) { return vcltq_u32(x, y); }, a, b);
}
// Signed conversions: lanes hold two's complement integers with |a| < 2^22.
inline Vec to_float(UVec a) {
  return by_quads<Vec>([](uint32x4_t x) { return vcvtq_f32_s32(vreinterpretq_s32_u32(x)); }, a);
}
inline UVec to_int(Vec a) {
  return by_quads<UVec>([](float32x4_t x) { return vreinterpretq_u32_s32(vcvtq_s32_f32(x)); }, a);
}

}  // namespace
}  // namespace densor::cpu
