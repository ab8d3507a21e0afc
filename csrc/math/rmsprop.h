// RMSprop (Hinton 2012) in Keras' form: v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon).
// Centered: a = rho a + (1 - rho) g, and v - a^2 stands for v in the root.
// With momentum: m = mu m + lr g / sqrt(...); w -= m.
// Slots {v}, {v, m}, {v, a} or {v, m, a}; coefficients {lr, rho, epsilon} and mu.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

template <bool kMomentum, bool kCentered>
struct Rmsprop : Rule {
  static constexpr const char* kName = kMomentum
                                           ? kCentered ? "rmsprop_centered_momentum" : "rmsprop_momentum"
                                       : kCentered ? "rmsprop_centered"
                                                   : "rmsprop";
  static constexpr int kSlots = 1 + kMomentum + kCentered, kCoefficients = 3 + kMomentum;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T rest = T(1.0f) - c[1];
    s[0] = fma(c[1], s[0], rest * (g * g));
    T spread = s[0];
    if constexpr (kCentered) {
      T& a = s[1 + kMomentum];
      a = fma(c[1], a, rest * g);
      // Never negative but for rounding, which would make the root NaN.
      spread = max(T(0.0f), fma(-a, a, spread));
    }
    const T step = c[0] * g / sqrt(spread + c[2]);
    if constexpr (kMomentum) {
      s[1] = fma(c[3], s[1], step);
      w = w - s[1];
    } else {
      w = w - step;
    }
  }
};

}  // namespace densor::math
