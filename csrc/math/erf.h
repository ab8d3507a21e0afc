// erf (at most 2 ULP) and the normal distribution in float32.
//
// erfc(t) = exp(-t^2) G(1 / (1 + 0.3 t)) for t >= 0, with a polynomial G; its relative error stays small far
// into the tail, so that the normal distribution function is accurate for negative arguments too.
#pragma once

#include "math/exp.h"
#include "math/fn.h"
#include "math/polynomial.h"
#include "math/tanh.h"

namespace densor::math {

// exp(-scale x^2), scale a power of two, with the rounding error of x^2 put back (where fma is fused).
template <class T>
DENSOR_FN T exp_minus_square(T x, float scale) {
  const T square = x * x;
  const T lost = fma(x, x, -square);
  const T y = exp(T(-scale) * square);
  return fma(y, T(-scale) * lost, y);
}

// exp(t^2) erfc(t) for 0 <= t <= 10.
template <class T>
DENSOR_FN T scaled_erfc(T t) {
  const T s = T(1.0f) / fma(t, T(0.3f), T(1.0f));
  return s * polynomial(s, 0x1.5a7f3ep-3f, 0x1.5d9fecp-3f, 0x1.2fcc9ep-3f, 0x1.b82a76p-3f, -0x1.83ad16p-4f,
                        0x1.186e1ep-1f, -0x1.0648bap-1f, 0x1.f136e4p-2f, -0x1.09430ep-3f);
}

template <class T>
DENSOR_FN T erf(T x) {
  const T t = min(T(10.0f), abs(x));  // the second operand is the one that keeps NaN
  const T p = polynomial(x * x, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2ce6p-4f, -0x1.b7f71ap-6f,
                         0x1.53f242p-8f, -0x1.a3515ep-11f, 0x1.4771fcp-14f);
  const T far = T(1.0f) - exp_minus_square(t, 1.0f) * scaled_erfc(t);
  const T near = select(t < T(0x1p-60f), x * T(1.1283792f), fma(x, p, x));  // x p would underflow
  return select(t < T(1.0f), near, copy_sign(far, x));
}

template <class T>
struct Normal {
  T distribution;  // Phi(x)
  T bell;          // exp(-x^2 / 2)
};

template <class T>
DENSOR_FN Normal<T> normal(T x) {
  constexpr float kSqrtHalf = 0.70710678f;
  const T t = min(T(14.0f), abs(x));
  const T bell = exp_minus_square(t, 0.5f);
  const T tail = T(0.5f) * bell * scaled_erfc(t * T(kSqrtHalf));
  return {select(x < T(0.0f), tail, T(1.0f) - tail), bell};
}

}  // namespace densor::math
