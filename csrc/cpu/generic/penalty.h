// The penalty l1 sum |x| + l2 sum x^2 and its gradient. Reads 4 bytes an element for the sums; for the
// gradient another 4 (8 where it is added) and writes 4, of lines that the sums have brought in.
#pragma once

#include "cpu/generic/double_sum.h"
#include "cpu/kernels.h"
#include "math/penalty.h"

namespace densor::cpu {
namespace {

double penalty_value(const float* x, std::int64_t n, double l1, double l2) {
  double value = 0.0;
  if (l1 != 0.0) value += l1 * double_sum(x, n, [](double v) { return v < 0.0 ? -v : v; });
  if (l2 != 0.0) value += l2 * double_sum_of_squares(x, n);
  return value;
}

template <bool kAdd>
void penalty_gradient_range(float* dx, const float* x, std::int64_t n, float l1, float l2) {
  const Vec slope(l1), curvature(l2);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec d = math::penalty_derivative(Vec::load(x + i), slope, curvature);
    if constexpr (kAdd) d = d + Vec::load(dx + i);
    d.store(dx + i);
  }
  if (const int rest = static_cast<int>(n - i); rest > 0) {
    Vec d = math::penalty_derivative(Vec::load_first(x + i, rest), slope, curvature);
    if constexpr (kAdd) d = d + Vec::load_first(dx + i, rest);
    d.store_first(dx + i, rest);
  }
}

void penalty_gradient(float* dx, const float* x, std::int64_t n, float l1, float l2, bool add) {
  if (add)
    penalty_gradient_range<true>(dx, x, n, l1, l2);
  else
    penalty_gradient_range<false>(dx, x, n, l1, l2);
}

void fill_penalty(Kernels& k) {
  k.penalty_value = penalty_value;
  k.penalty_gradient = penalty_gradient;
}

}  // namespace
}  // namespace densor::cpu
