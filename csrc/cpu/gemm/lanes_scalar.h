// Four floats of plain C++ as the GEMM uses them, for machines without AVX2. The surface is the same in every
// lanes_*.h. There is no fused multiply-add here: product and sum are rounded apart.
#pragma once

#include <cstdint>
#include <cstring>

namespace densor::cpu {
namespace {

using Reg = float __attribute__((vector_size(16)));
using RegMask = std::int64_t;  // number of lanes
inline constexpr int kRegLanes = 4;
inline constexpr int kAccumulators = 12;
inline constexpr int kMaxTileVectors = 12;
inline constexpr int kMaxPackedVectors = 2;
inline constexpr int kAcrossVectors = 2, kAcrossAccumulators = 12;
inline constexpr bool kShifts = false;  // reg_shift exists
inline constexpr bool kPacksRows = false;
inline constexpr int kMaxTileRows = 12;
inline constexpr double kFlopsPerCycle = 8;

inline RegMask reg_mask(std::int64_t n) { return n; }
inline Reg reg_zero() { return Reg{}; }
inline Reg reg_broadcast(const float* p) { return Reg{*p, *p, *p, *p}; }
inline Reg reg_load(const float* p) {
  Reg x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
inline Reg reg_load(const float* p, RegMask n) {
  Reg x{};
  for (int i = 0; i < n; ++i) x[i] = p[i];
  return x;
}
inline void reg_store(float* p, Reg x) { std::memcpy(p, &x, sizeof x); }
inline void reg_store(float* p, Reg x, RegMask n) {
  for (int i = 0; i < n; ++i) p[i] = x[i];
}
inline Reg reg_add(Reg a, Reg b) { return a + b; }
inline Reg reg_mul(Reg a, Reg b) { return a * b; }
// 1 where x > 0, else 0.
inline Reg reg_step(Reg x) {
  for (int i = 0; i < kRegLanes; ++i) x[i] = x[i] > 0.0f ? 1.0f : 0.0f;
  return x;
}
// x in the lanes whose bits are set, else 0.
inline Reg reg_keep(Reg x, std::uint32_t bits) {
  for (int i = 0; i < kRegLanes; ++i) x[i] = (bits >> i & 1u) != 0 ? x[i] : 0.0f;
  return x;
}
// As the x86 instruction: the second operand where either is NaN.
inline Reg reg_max(Reg a, Reg b) { return a > b ? a : b; }
inline Reg reg_fma(Reg a, Reg b, Reg c) { return a * b + c; }
inline Reg reg_fma(const float* a, Reg b, Reg c) { return reg_fma(reg_broadcast(a), b, c); }
// Keeps the compiler from knowing the value.
inline void reg_hide(Reg& x) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(x));
#else
  asm volatile("" : "+w"(x));
#endif
}

inline void reg_transpose(Reg (&r)[kRegLanes]) {
  for (int i = 0; i < kRegLanes; ++i) {
    for (int j = 0; j < i; ++j) {
      const float upper = r[j][i];
      r[j][i] = r[i][j];
      r[i][j] = upper;
    }
  }
}

}  // namespace
}  // namespace densor::cpu
