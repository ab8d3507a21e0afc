// Adam with the largest mean square so far (Reddi et al. 2018), in Keras' form: m and v as in adam.h;
// x = max(x, v); w -= alpha m / (sqrt(x) + epsilon).
// Slots {m, v, x}; coefficients {alpha = lr sqrt(1 - b2^t) / (1 - b1^t), b1, b2, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Amsgrad : Rule {
  static constexpr const char* kName = "amsgrad";
  static constexpr int kSlots = 3, kCoefficients = 4;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[1], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[2], fma(g, g, -s[1]), s[1]);
    s[2] = max(s[2], s[1]);  // a NaN is kept: it is the second operand
    w = w - c[0] * s[0] / (sqrt(s[2]) + c[3]);
  }
};

}  // namespace densor::math
