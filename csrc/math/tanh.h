// tanh (at most 1.5 ULP) and sigmoid (at most 2.5 ULP) in float32. NaN stays NaN; denormal results as in
// exp.h.
#pragma once

#include "math/exp.h"
#include "math/fn.h"

namespace densor::math {

// |x| with the sign of s.
template <class T>
DENSOR_FN T copy_sign(T x, T s) {
  using Bits = decltype(as_bits(x));
  return from_bits((as_bits(x) & Bits(0x7fffffffu)) | (as_bits(s) & Bits(0x80000000u)));
}

// x + x^3 P(x^2) near 0, else 1 - 2 / (exp(2|x|) + 1): the parts that are rounded first are small in both.
template <class T>
DENSOR_FN T tanh(T x) {
  const T a = abs(x);
  const T square = x * x;
  const T p =
      polynomial(square, -0x1.55553ep-2f, 0x1.1109bep-3f, -0x1.b89abap-5f, 0x1.54c3c2p-6f, -0x1.828776p-8f);
  const T far = T(1.0f) - T(2.0f) / (exp(a + a) + T(1.0f));
  return copy_sign(select(a < T(0.6f), fma(a * square, p, a), far), x);
}

template <class T>
DENSOR_FN T sigmoid(T x) {
  return T(1.0f) / (T(1.0f) + exp(-x));
}

}  // namespace densor::math
