// A matrix product, as the plan sees it: c (m, n) = a (m, k) b (k, n).
#pragma once

#include <cstdint>

namespace densor::cpu {

// How products are formed. `ieee`: float32 fused multiply-adds. The matrix units' splittings of float32 into
// bfloat16 terms take their place here.
enum class GemmPrecision { ieee };

struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  // a lies in memory as (k, m)
  bool transpose_b = false;  // b lies in memory as (n, k)
  GemmPrecision precision = GemmPrecision::ieee;
};

}  // namespace densor::cpu
