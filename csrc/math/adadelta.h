// Adadelta (Zeiler 2012): a = rho a + (1 - rho) g^2; step = g sqrt(d + epsilon) / sqrt(a + epsilon);
// d = rho d + (1 - rho) step^2; w -= lr step. Slots {a, d}; coefficients {lr, rho, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Adadelta : Rule {
  static constexpr const char* kName = "adadelta";
  static constexpr int kSlots = 2, kCoefficients = 3;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T rest = T(1.0f) - c[1];
    s[0] = fma(c[1], s[0], rest * (g * g));
    const T step = g * sqrt((s[1] + c[2]) / (s[0] + c[2]));
    s[1] = fma(c[1], s[1], rest * (step * step));
    w = fma(-c[0], step, w);
  }
};

}  // namespace densor::math
