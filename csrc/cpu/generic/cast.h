// float32 rounded to bfloat16 (math/bf16_split.h), and back. Reads and writes 6 bytes an element in all.
#pragma once

#include "cpu/generic/bf16.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void narrow(std::uint16_t* y, const float* x, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, int lanes, auto load) {
    store_lanes(y + i, lanes, math::bf16_round(load(x + i, lanes)));
  });
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
