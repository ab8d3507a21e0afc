// RAdam (Liu et al. 2019) in PyTorch's form: m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v);
// w -= alpha m / (root sqrt(v) + epsilon). Where the variance of the first steps cannot be rectified, root is
// 0, epsilon 1 and alpha lr / (1 - b1^t); else root is 1 and alpha has the factor r sqrt(1 - b2^t). Slots {m,
// v}; coefficients {alpha, b1, b2, root, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Radam : Rule {
  static constexpr const char* kName = "radam";
  static constexpr int kSlots = 2, kCoefficients = 5;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[1], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[2], fma(g, g, -s[1]), s[1]);
    w = w - c[0] * s[0] / fma(c[3], sqrt(s[1]), c[4]);
  }
};

}  // namespace densor::math
