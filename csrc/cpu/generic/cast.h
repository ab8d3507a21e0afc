// float32 rounded to bfloat16 (math/bf16_split.h), and back. Reads and writes 6 bytes an element in all.
#pragma once

#include "cpu/kernels.h"
#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

inline void narrow_some(std::uint16_t* y, Vec x, int n) {
  alignas(64) std::uint32_t bits[kLanes];
  shift_right<16>(as_bits(math::bf16_round(x))).store(bits);
  for (int i = 0; i < n; ++i) y[i] = static_cast<std::uint16_t>(bits[i]);
}

void narrow(std::uint16_t* y, const float* x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) narrow_some(y + i, Vec::load(x + i), kLanes);
  if (const int rest = static_cast<int>(n - i); rest > 0)
    narrow_some(y + i, Vec::load_first(x + i, rest), rest);
}

void widen(float* y, const std::uint16_t* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::uint32_t{x[i]} << 16U;
    __builtin_memcpy(y + i, &bits, sizeof bits);
  }
}

void fill_cast(Kernels& k) {
  k.narrow = narrow;
  k.widen = widen;
}

}  // namespace
}  // namespace densor::cpu
