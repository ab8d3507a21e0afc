// Adam (Kingma and Ba 2015), bias correction folded into alpha: m += (1 - b1) (g - m);
// v += (1 - b2) (g^2 - v); w -= alpha m / (sqrt(v) + epsilon).
// Slots {m, v}; coefficients {alpha = lr sqrt(1 - b2^t) / (1 - b1^t), b1, b2, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Adam : Rule {
  static constexpr const char* kName = "adam";
  static constexpr int kSlots = 2, kCoefficients = 4;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[1], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[2], fma(g, g, -s[1]), s[1]);
    w = w - c[0] * s[0] / (sqrt(s[1]) + c[3]);
  }
};

}  // namespace densor::math
