// SGD with Nesterov's momentum, in Keras' form: m = mu m - lr g; w += mu m - lr g.
// Slots {m}; coefficients {lr, mu}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Nesterov : Rule {
  static constexpr const char* kName = "nesterov";
  static constexpr int kSlots = 1, kCoefficients = 2;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T step = c[0] * g;
    s[0] = fma(c[1], s[0], -step);
    w = w + fma(c[1], s[0], -step);
  }
};

}  // namespace densor::math
