// Sixteen lanes to one number, by the same tree on every target: lane i with i + 8, then + 4, + 2, + 1.
#pragma once

#include <cstring>

namespace densor::cpu {
namespace {

// The compiler's own vectors: it halves them in registers.
using EightLanes = float __attribute__((vector_size(32)));
using FourLanes = float __attribute__((vector_size(16)));
using TwoLanes = float __attribute__((vector_size(8)));

// f(lower half, upper half).
template <class Half, class Whole, class F>
Half fold_half(const Whole& whole, F f) {
  static_assert(sizeof(Whole) == 2 * sizeof(Half));
  Half half[2];
  std::memcpy(half, &whole, sizeof whole);
  return f(half[0], half[1]);
}

template <class F>
float fold_lanes(const Vec& v, F f) {
  const auto two = fold_half<TwoLanes>(fold_half<FourLanes>(fold_half<EightLanes>(v, f), f), f);
  return f(two[0], two[1]);
}

inline float sum_lanes(Vec v) {
  return fold_lanes(v, [](auto a, auto b) { return a + b; });
}

// NaN where the tree meets one as its second operand only: not a test for NaN.
inline float max_lanes(Vec v) {
  return fold_lanes(v, [](auto a, auto b) { return a > b ? a : b; });
}

// Lanes [0, n) of v, the others `fill`.
inline Vec first_lanes(Vec v, int n, float fill) {
  return select(mask_from_bits((1u << n) - 1u), v, Vec(fill));
}

}  // namespace
}  // namespace densor::cpu
