// FTRL-proximal (McMahan et al. 2013) in Keras' form, with p(a) = a^power:
// z += g + 2 shrinkage w - (p(a + g^2) - p(a)) / lr w; a += g^2;
// w = (clip(z, -l1, l1) - z) / (p(a) / lr + 2 l2 + beta / lr).
// With lr = 0 nothing changes: the formulas would divide by it. Slots {a, z}; coefficients {lr, l1, l2, beta,
// shrinkage, power}. `ftrl` has power 1/2.
#pragma once

#include "math/exp.h"
#include "math/fn.h"
#include "math/log.h"
#include "math/rule.h"

namespace densor::math {

template <bool kRoot>
struct Ftrl : Rule {
  static constexpr const char* kName = kRoot ? "ftrl" : "ftrl_power";
  static constexpr int kSlots = 2, kCoefficients = 6;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T squared = g * g, sum = s[0] + squared;
    T power, growth;
    if constexpr (kRoot) {
      power = sqrt(sum);
      const T both = power + sqrt(s[0]);
      growth = select(both > T(0.0f), squared / both, T(0.0f));  // of the root, without cancellation
    } else {
      power = raised(sum, c[5]);
      growth = power - raised(s[0], c[5]);
    }
    const auto moves = c[0] > T(0.0f);
    const T pull = fma(T(2.0f) * c[4], w, g);
    const T z = s[1] + fma(-growth / c[0], w, pull);
    const T clipped = min(c[1], max(-c[1], z));
    const T curvature = fma(T(2.0f), c[2], (power + c[3]) / c[0]);
    w = select(moves & (curvature > T(0.0f)), (clipped - z) / curvature, w);
    s[0] = select(moves, sum, s[0]);
    s[1] = select(moves, z, s[1]);
  }

  template <class T>
  DENSOR_FN T raised(T x, T power) {
    return select(x > T(0.0f), exp(power * log(x)), select(power > T(0.0f), x, T(1.0f)));
  }
};

}  // namespace densor::math
