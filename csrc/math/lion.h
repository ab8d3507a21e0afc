// Lion (Chen et al. 2023): w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g; sign(0) = 0.
// Slots {m}; coefficients {lr, b1, b2}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Lion : Rule {
  static constexpr const char* kName = "lion";
  static constexpr int kSlots = 1, kCoefficients = 3;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T mixed = fma(c[1], s[0], (T(1.0f) - c[1]) * g);
    const T still = mixed - mixed;  // 0, or NaN
    w = w - select(mixed > T(0.0f), c[0], select(mixed < T(0.0f), -c[0], still));
    s[0] = fma(c[2], s[0], (T(1.0f) - c[2]) * g);
  }
};

}  // namespace densor::math
