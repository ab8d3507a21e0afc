// Schedule-free AdamW (Defazio et al. 2024), as in Keras: v += (1 - b2) (g^2 - v);
// z' = z - lr g / (sqrt(v cv) + epsilon); x = (w - (1 - b1) z) / b1; x' = x + (z' - x) / t;
// w = z' + b1 (x' - z'). Slots {z, v}; coefficients {lr, b1, b2, cv = 1 / (1 - b2^t), epsilon, 1 / t}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct ScheduleFree : Rule {
  static constexpr const char* kName = "schedule_free";
  static constexpr int kSlots = 2, kCoefficients = 6;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    const T rest = T(1.0f) - c[1];
    const T x = fma(-rest, s[0], w) / c[1];
    s[1] = fma(T(1.0f) - c[2], fma(g, g, -s[1]), s[1]);
    s[0] = s[0] - c[0] * g / (sqrt(s[1] * c[3]) + c[4]);
    const T moved = fma(c[5], s[0] - x, x);
    w = fma(c[1], moved - s[0], s[0]);
  }
};

}  // namespace densor::math
