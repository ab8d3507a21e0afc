// Nadam (Dozat 2016) in Keras' form: m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v);
// w -= (cm m + cg g) / (sqrt(cv v) + epsilon). The momentum schedule u_t and its running product P_t are in
// cm = lr u_{t+1} / (1 - P_{t+1}), cg = lr (1 - u_t) / (1 - P_t); cv = 1 / (1 - b2^t).
// Slots {m, v}; coefficients {cm, cg, b1, b2, cv, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Nadam : Rule {
  static constexpr const char* kName = "nadam";
  static constexpr int kSlots = 2, kCoefficients = 6, kRates = 2;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[2], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[3], fma(g, g, -s[1]), s[1]);
    w = w - fma(c[0], s[0], c[1] * g) / (sqrt(s[1] * c[4]) + c[5]);
  }
};

}  // namespace densor::math
