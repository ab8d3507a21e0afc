// LAMB (You et al. 2019): m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v); u = m' / (sqrt(v') + epsilon) with
// the bias corrections m' = m cm, v' = v cv; w -= lr ratio u. The ratio |w| / |u| of a variable is known when
// all of its slots are: the rule has two parts. Slots {m, v}; coefficients {lr (times the ratio), b1, b2, cm
// = 1 / (1 - b1^t), cv = 1 / (1 - b2^t), epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Lamb : Rule {
  static constexpr const char* kName = "lamb";
  static constexpr int kSlots = 2, kCoefficients = 6;
  static constexpr bool kTrustRatio = true;

  // The first part; returns u.
  template <class T>
  DENSOR_FN T moments(T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[1], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[2], fma(g, g, -s[1]), s[1]);
    return direction(s, c);
  }

  template <class T>
  DENSOR_FN T direction(const T* s, const T* c) {
    return s[0] * c[3] / (sqrt(s[1] * c[4]) + c[5]);
  }

  // The second part.
  template <class T>
  DENSOR_FN void update(T& w, T, T* s, const T* c) {
    w = w - c[0] * direction(s, c);
  }
};

// 1 where a norm is 0.
DENSOR_FN double trust_ratio(double weight_norm, double step_norm) {
  return weight_norm > 0.0 && step_norm > 0.0 ? weight_norm / step_norm : 1.0;
}

}  // namespace densor::math
