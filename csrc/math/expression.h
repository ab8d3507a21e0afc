// What expressions need beyond the elementary functions: NaN wins in maximum and minimum, as in NumPy.
#pragma once

#include "math/exp.h"
#include "math/fn.h"
#include "math/log.h"

namespace densor::math {

template <class T>
DENSOR_FN T maximum(T a, T b) {
  return select(a == a, max(a, b), a);
}

template <class T>
DENSOR_FN T minimum(T a, T b) {
  return select(a == a, min(a, b), a);
}

template <class T>
DENSOR_FN T sign(T x) {
  return select(x > T(0.0f), T(1.0f), select(x < T(0.0f), T(-1.0f), x));
}

// To the nearest integer, ties to even; from 2^22 on x itself, which has at most a half to lose.
template <class T>
DENSOR_FN T rounded(T x) {
  return select(abs(x) < T(0x1p22f), round(x), x);
}

template <class T>
DENSOR_FN T floor(T x) {
  const T nearest = rounded(x);
  return select(nearest > x, nearest - T(1.0f), nearest);
}

// x^y = exp(y log|x|), negative where x is and y is odd, NaN where x is negative and y no integer. The
// product is kept in two parts, so the relative error is that of the logarithm, about 1e-7 |y log|x||.
template <class T>
DENSOR_FN T power(T x, T y) {
  const T logarithm = log(abs(x));
  const T product = y * logarithm;
  const T lost = fma(y, logarithm, -product);
  const T large = exp(product);
  const T magnitude = select(abs(product) < T(80.0f), fma(large, lost, large), large);
  const T half = y * T(0.5f);
  const T odd = select(floor(half) == half, T(1.0f), T(-1.0f));
  const T below = select(floor(y) == y, odd * magnitude, (x - x) / (x - x));
  const T value = select(x < T(0.0f), below, magnitude);
  return select(y == T(0.0f), T(1.0f), select(x == T(1.0f), T(1.0f), value));
}

}  // namespace densor::math
