// How fast this core multiplies and adds when nothing is read or written: the yardstick of the benchmarks.
#pragma once

#include "cpu/gemm/kernel.h"

namespace densor::cpu {
namespace {

double fma_peak(std::int64_t rounds) {
  constexpr int kChains = kAccumulators;
  static const float values[] = {1.0f, 0.0f};
  const Reg scale = reg_broadcast(values), step = reg_broadcast(values + 1);
  Reg chain[kChains];
#pragma GCC unroll 32
  for (int i = 0; i < kChains; ++i) chain[i] = scale;
  for (std::int64_t n = 0; n < rounds; ++n) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) chain[i] = reg_fma(scale, step, chain[i]);
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) reg_hide(chain[i]);
  }
  return 2.0 * kChains * kRegLanes * static_cast<double>(rounds);
}

}  // namespace
}  // namespace densor::cpu
