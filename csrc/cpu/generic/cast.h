// float32 rounded to bfloat16 (math/bf16_split.h), and back. Reads and writes 6 bytes an element in all.
#pragma once

#include "cpu/generic/rows.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void narrow(std::uint16_t* y, const float* x, std::int64_t n) {
  each_vector(n,
              [&](std::int64_t i, int lanes, auto load) { round_lanes(y + i, lanes, load(x + i, lanes)); });
}

void widen(float* y, const std::uint16_t* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = number(x[i]);
}

void fill_cast(Kernels& k) {
  k.narrow = narrow;
  k.widen = widen;
}

}  // namespace
}  // namespace densor::cpu
