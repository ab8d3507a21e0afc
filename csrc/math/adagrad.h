// Adagrad (Duchi et al. 2011): a += g^2; w -= lr g / sqrt(a + epsilon). Slots {a}; coefficients {lr,
// epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Adagrad : Rule {
  static constexpr const char* kName = "adagrad";
  static constexpr int kSlots = 1, kCoefficients = 2;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(g, g, s[0]);
    w = w - c[0] * g / sqrt(s[0] + c[1]);
  }
};

}  // namespace densor::math
