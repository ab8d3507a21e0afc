// A matrix product, as the plan sees it: c (m, n) = a (m, k) b (k, n).
#pragma once

#include <cstdint>

#include "cpu/gemm/precision.h"

namespace densor::cpu {

// Sums over many terms are made of several chains, equal shares of the terms cut at multiples of 16, added in
// their order. Two workers may then share out the terms, and each keep its rows of the weights.
constexpr int gemm_chains(std::int64_t k) {
  constexpr std::int64_t kFewest = 256, kLongest = 1024;
  return k < kFewest ? 1 : k <= 2 * kLongest ? 2 : static_cast<int>((k + kLongest - 1) / kLongest);
}

struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  // a lies in memory as (k, m)
  bool transpose_b = false;  // b lies in memory as (n, k)
  GemmPrecision precision = GemmPrecision::highest;
  bool rows_vary = false;  // predictions: a row of c must have the same bits whatever m is
};

}  // namespace densor::cpu
