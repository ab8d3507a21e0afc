// A matrix product, as the plan sees it: c (m, n) = a (m, k) b (k, n).
#pragma once

#include <cstdint>

#include "cpu/gemm/precision.h"

namespace densor::cpu {

struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  // a lies in memory as (k, m)
  bool transpose_b = false;  // b lies in memory as (n, k)
  GemmPrecision precision = GemmPrecision::highest;
  bool rows_vary = false;  // predictions: a row of c must have the same bits whatever m is
};

}  // namespace densor::cpu
