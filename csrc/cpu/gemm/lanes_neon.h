// One NEON register of aarch64 as the GEMM uses it. The surface is the same in every lanes_*.h. Of the 32
// registers 24 hold the tile, 8 x 12 of c where operands are packed.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace densor::cpu {
namespace {

using Reg = float32x4_t;
using RegMask = std::int64_t;  // number of lanes
inline constexpr int kRegLanes = 4;
inline constexpr int kAccumulators = 24;
inline constexpr int kMaxTileVectors = 12;
inline constexpr int kMaxPackedVectors = 3;
inline constexpr int kAcrossVectors = 3, kAcrossAccumulators = 24;
inline constexpr bool kShifts = false;  // reg_shift exists
inline constexpr bool kPacksRows = false;
inline constexpr int kMaxTileRows = 12;
inline constexpr double kFlopsPerCycle = 16;

inline RegMask reg_mask(std::int64_t n) { return n; }
inline Reg reg_zero() { return vdupq_n_f32(0.0f); }
inline Reg reg_broadcast(const float* p) { return vld1q_dup_f32(p); }
inline Reg reg_load(const float* p) { return vld1q_f32(p); }
inline Reg reg_load(const float* p, RegMask n) {
  if (n >= kRegLanes) return vld1q_f32(p);
  Reg x = reg_zero();
  if (n > 0) x = vld1q_lane_f32(p, x, 0);
  if (n > 1) x = vld1q_lane_f32(p + 1, x, 1);
  if (n > 2) x = vld1q_lane_f32(p + 2, x, 2);
  return x;
}
inline void reg_store(float* p, Reg x) { vst1q_f32(p, x); }
inline void reg_store(float* p, Reg x, RegMask n) {
  if (n >= kRegLanes) return vst1q_f32(p, x);
  if (n > 0) vst1q_lane_f32(p, x, 0);
  if (n > 1) vst1q_lane_f32(p + 1, x, 1);
  if (n > 2) vst1q_lane_f32(p + 2, x, 2);
}
inline Reg reg_add(Reg a, Reg b) { return vaddq_f32(a, b); }
inline Reg reg_mul(Reg a, Reg b) { return vmulq_f32(a, b); }
// 1 where x > 0, else 0.
inline Reg reg_step(Reg x) {
  return vbslq_f32(vcgtq_f32(x, vdupq_n_f32(0.0f)), vdupq_n_f32(1.0f), vdupq_n_f32(0.0f));
}
// x in the lanes whose bits are set, else 0.
inline Reg reg_keep(Reg x, std::uint32_t bits) {
  constexpr std::uint32_t kLanes[] = {1, 2, 4, 8};
  return vbslq_f32(vtstq_u32(vdupq_n_u32(bits), vld1q_u32(kLanes)), x, vdupq_n_f32(0.0f));
}
// As the x86 instruction: the second operand where either is NaN, and where both are zero.
inline Reg reg_max(Reg a, Reg b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Reg reg_fma(Reg a, Reg b, Reg c) { return vfmaq_f32(c, a, b); }
inline Reg reg_fma(const float* a, Reg b, Reg c) { return reg_fma(reg_broadcast(a), b, c); }
// Keeps the compiler from knowing the value.
inline void reg_hide(Reg& x) { asm volatile("" : "+w"(x)); }

inline void reg_transpose(Reg (&r)[kRegLanes]) {
  const float64x2_t even01 = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1]));
  const float64x2_t odd01 = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
  const float64x2_t even23 = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3]));
  const float64x2_t odd23 = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
  r[0] = vreinterpretq_f32_f64(vtrn1q_f64(even01, even23));
  r[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd01, odd23));
  r[2] = vreinterpretq_f32_f64(vtrn2q_f64(even01, even23));
  r[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd01, odd23));
}

}  // namespace
}  // namespace densor::cpu
