// log (at most 1 ULP) and log1p (at most 2 ULP) in float32.
//
// u = 2^e m with 2/3 <= m < 4/3 and f = m - 1; log(1 + f) = f - f^2 / 2 + f^3 P(f). log1p takes u = 1 + x and
// adds to f what the sum lost. Denormal arguments count as zero. log(0) = -inf, of negative numbers NaN.
#pragma once

#include <limits>

#include "math/fn.h"
#include "math/polynomial.h"

namespace densor::math {

template <class T>
struct LogSplit {
  T f;  // m - 1
  T e;
  decltype(as_bits(T())) biased;  // e + 128
};

// u positive, finite, not denormal.
template <class T>
DENSOR_FN LogSplit<T> log_split(T u) {
  using Bits = decltype(as_bits(u));
  const Bits bits = as_bits(u);
  const Bits biased = shift_right<23>(bits + Bits(0x00d55555u));  // 0x40000000 minus the bits of 2/3
  const T m = from_bits(bits - shift_left<23>(biased) + Bits(0x40000000u));
  return {m - T(1.0f), to_float(biased) - T(128.0f), biased};
}

// e ln 2 + log(1 + f)
template <class T>
DENSOR_FN T log_sum(T f, T e) {
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // e * kLn2High is exact
  const T p = polynomial(f, 0x1.555506p-2f, -0x1.fffefap-3f, 0x1.99d05cp-3f, -0x1.559c3p-3f, 0x1.1ed452p-3f,
                         -0x1.f33c0cp-4f, 0x1.1e72a0p-3f, -0x1.07ab66p-3f);
  const T small = fma(f * f, fma(f, p, T(-0.5f)), e * T(kLn2Low));
  return fma(e, T(kLn2High), f + small);
}

// y where 0 < u < inf; the special values of the logarithm of u elsewhere.
template <class T>
DENSOR_FN T log_special(T u, T y) {
  using Limits = std::numeric_limits<float>;
  const T below = select(u >= T(0.0f), T(-Limits::infinity()), T(Limits::quiet_NaN()));
  const T above = select(u <= T(Limits::max()), y, u);  // inf and NaN
  return select(u < T(Limits::min()), below, above);
}

template <class T>
DENSOR_FN T log(T x) {
  const LogSplit<T> part = log_split(x);
  return log_special(x, log_sum(part.f, part.e));
}

// -0 stays -0.
template <class T>
DENSOR_FN T log1p(T x) {
  using Bits = decltype(as_bits(x));
  const T u = T(1.0f) + x;
  const T lost = x - (u - T(1.0f));
  const LogSplit<T> part = log_split(u);
  // lost * 2^-e in two factors, since 2^-128 is denormal
  const T scale = from_bits(shift_left<23>(Bits(256u) - part.biased));
  const T f = part.f + T(0.5f) * lost * scale;
  return select(abs(x) < T(0x1p-25f), x, log_special(u, log_sum(f, part.e)));
}

}  // namespace densor::math
