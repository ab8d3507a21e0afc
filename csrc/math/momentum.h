// SGD with momentum (Polyak 1964): m = mu m - lr g; w += m. Slots {m}; coefficients {lr, mu}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Momentum : Rule {
  static constexpr const char* kName = "momentum";
  static constexpr int kSlots = 1, kCoefficients = 2;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(c[1], s[0], -(c[0] * g));
    w = w + s[0];
  }
};

}  // namespace densor::math
