// Sums of f(x[i]) in double, where squares of floats are exact: the same bits on every target.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

// 32 chains, so that additions need not wait for one another; their order depends on n only.
template <class F>
double double_sum(const float* x, std::int64_t n, F f) {
  constexpr int kChains = 2 * kLanes;
  double sum[kChains] = {};
  std::int64_t i = 0;
  for (; i + kChains <= n; i += kChains)
    for (int j = 0; j < kChains; ++j) sum[j] += f(static_cast<double>(x[i + j]));
  for (int j = 0; i < n; ++i, ++j) sum[j] += f(static_cast<double>(x[i]));
  for (int width = kChains / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) sum[j] += sum[j + width];
  return sum[0];
}

}  // namespace
}  // namespace densor::cpu
