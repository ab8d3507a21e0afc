// Adamax (Kingma and Ba 2015): m += (1 - b1) (g - m); u = max(b2 u, |g|); w -= alpha m / (u + epsilon).
// Slots {m, u}; coefficients {alpha = lr / (1 - b1^t), b1, b2, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Adamax : Rule {
  static constexpr const char* kName = "adamax";
  static constexpr int kSlots = 2, kCoefficients = 4;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[1], g - s[0], s[0]);
    s[1] = max(c[2] * s[1], abs(g));
    w = w - c[0] * s[0] / (s[1] + c[3]);
  }
};

}  // namespace densor::math
