// exp and expm1 in float32.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; expm1(r) is r + r^2 P(r); 2^n goes into the exponent field.
// Where the arithmetic flushes denormals (the engine does), a result below 2^-126 is 0; exp gives 0 there in
// any mode. NaN stays NaN.
#pragma once

#include <limits>

#include "math/fn.h"
#include "math/polynomial.h"

namespace densor::math {

inline constexpr float kExpHighest = 88.72283f;   // exp of the next float overflows
inline constexpr float kExpLowest = -87.336544f;  // exp of the float before it is denormal
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class T>
struct ExpReduced {
  T r;
  T shifted;  // 1.5 * 2^23 + n: its lowest bits are those of the integer n
};

template <class T>
DENSOR_FN ExpReduced<T> exp_reduce(T x) {
  constexpr float kShift = 12582912.0f, kLog2E = 1.44269504f;
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // n * kLn2High is exact
  const T shifted = fma(x, T(kLog2E), T(kShift));
  const T n = shifted - T(kShift);
  return {fma(n, T(-kLn2Low), fma(n, T(-kLn2High), x)), shifted};
}

template <class T>
DENSOR_FN T expm1_reduced(T r) {
  const T p = polynomial(r, 0x1.fffffep-2f, 0x1.5554b4p-3f, 0x1.5556f2p-5f, 0x1.12254ap-7f, 0x1.6b9c68p-10f);
  return fma(r * r, p, r);
}

// At most 1.1 ULP.
template <class T>
DENSOR_FN T exp(T x) {
  const ExpReduced<T> part = exp_reduce(x);
  const T y = T(1.0f) + expm1_reduced(part.r);
  const T scaled = from_bits(as_bits(y) + shift_left<23>(as_bits(part.shifted)));
  const T flushed = select(x < T(kExpLowest), T(0.0f), scaled);
  return select(x <= T(kExpHighest), flushed, x * T(kInfinity));  // the product keeps NaN
}

// At most 2 ULP. -0 stays -0.
template <class T>
DENSOR_FN T expm1(T x) {
  using Bits = decltype(as_bits(x));
  const T bounded = max(T(-20.0f), x);  // -1 from there on; the second operand is the one that keeps NaN
  const ExpReduced<T> part = exp_reduce(bounded);
  // 2 (q h + h - 1/2) with h = 2^(n-1), which is finite for every n
  const T half = from_bits(shift_left<23>(as_bits(part.shifted) + Bits(126u)));
  const T y = fma(expm1_reduced(part.r), half, half - T(0.5f));
  const T finite = select(abs(x) < T(0x1p-25f), x, y + y);
  return select(x <= T(kExpHighest), finite, x * T(kInfinity));
}

}  // namespace densor::math
