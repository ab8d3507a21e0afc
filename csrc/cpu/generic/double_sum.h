// Sums of f(x[i]) in double, where squares of floats are exact: the same bits on every target.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

// 32 chains, so that additions need not wait for one another; their order depends on n only.
inline constexpr int kSumChains = 2 * kLanes;

// What is left over goes to the first chains.
template <class F>
double finish_double_sum(double (&sum)[kSumChains], const float* x, std::int64_t rest, F f) {
  for (std::int64_t j = 0; j < rest; ++j) sum[j] += f(static_cast<double>(x[j]));
  for (int width = kSumChains / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) sum[j] += sum[j + width];
  return sum[0];
}

template <class F>
double double_sum(const float* x, std::int64_t n, F f) {
  double sum[kSumChains] = {};
  std::int64_t i = 0;
  for (; i + kSumChains <= n; i += kSumChains)
    for (int j = 0; j < kSumChains; ++j) sum[j] += f(static_cast<double>(x[i + j]));
  return finish_double_sum(sum, x + i, n - i, f);
}

// The same of squares, by fused multiply-adds: the products are exact.
inline double double_sum_of_squares(const float* x, std::int64_t n) {
  constexpr int kVecs = kSumChains / DVec::kCount;
  DVec chains[kVecs];
#pragma GCC unroll 4
  for (int j = 0; j < kVecs; ++j) chains[j] = DVec::zero();
  std::int64_t i = 0;
  for (; i + kSumChains <= n; i += kSumChains) {
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) {
      const DVec v = DVec::load(x + i + j * DVec::kCount);
      chains[j] = fma(v, v, chains[j]);
    }
  }
  double sum[kSumChains];
#pragma GCC unroll 4
  for (int j = 0; j < kVecs; ++j) chains[j].store(sum + j * DVec::kCount);
  return finish_double_sum(sum, x + i, n - i, [](double v) { return v * v; });
}

}  // namespace
}  // namespace densor::cpu
