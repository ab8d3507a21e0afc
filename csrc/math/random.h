// Random numbers from 32-bit words: uniform, normal, and normal cut at two standard deviations, both by the
// inverse of the distribution function, so that one word makes one number. T is the float type to U's words.
#pragma once

#include "math/fn.h"
#include "math/log.h"
#include "math/polynomial.h"

namespace densor::math {

// [0, 1) in steps of 2^-24.
template <class U>
DENSOR_FN auto uniform_from(U word) {
  using T = decltype(to_float(word));
  return to_float(shift_right<8>(word)) * T(0x1p-24f);
}

// z >= 0 with P(|Z| > z) = p for a standard normal Z and 2^-32 <= p <= 1; relative error below 1e-6.
template <class T>
DENSOR_FN T normal_magnitude(T p) {
  const T w = -log(p * (T(2.0f) - p));
  const T near =
      polynomial(w - T(2.5f), 0x1.0fc8bep+1f, 0x1.652c74p-2f, -0x1.833496p-8f, -0x1.d0b796p-10f,
                 0x1.44398cp-12f, -0x1.a5eb58p-18f, -0x1.4fade8p-18f, 0x1.0807fep-21f, 0x1.61e86ap-25f);
  const T far =
      polynomial(sqrt(w) - T(3.25f), 0x1.171f1ep+2f, 0x1.6bf0cep+0f, 0x1.ef6efep-8f, -0x1.56d116p-8f,
                 0x1.dfceaep-9f, -0x1.55c266p-9f, 0x1.3f6b60p-10f, -0x1.f71862p-13f);
  return (T(1.0f) - p) * select(w < T(5.0f), near, far);
}

// The top 31 bits of a word as a probability in (0, 1].
template <class U>
DENSOR_FN auto probability_from(U word) {
  using T = decltype(to_float(word));
  return fma(to_float(shift_right<1>(word)), T(0x1p-31f), T(0x1p-32f));
}

// The lowest bit of a word as the sign of x >= 0.
template <class T, class U>
DENSOR_FN T signed_by(T x, U word) {
  return from_bits(as_bits(x) ^ shift_left<31>(word));
}

template <class U>
DENSOR_FN auto normal_from(U word) {
  return signed_by(normal_magnitude(probability_from(word)), word);
}

// A standard normal number given that it lies in [-2, 2].
template <class U>
DENSOR_FN auto truncated_normal_from(U word) {
  using T = decltype(to_float(word));
  constexpr float kOutside = 0.04550026f;  // P(|Z| > 2)
  const T p = fma(probability_from(word), T(1.0f - kOutside), T(kOutside));
  return signed_by(min(normal_magnitude(p), T(2.0f)), word);
}

}  // namespace densor::math
