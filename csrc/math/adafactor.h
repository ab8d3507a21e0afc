// Adafactor (Shazeer and Stern 2018), as in Keras: of a matrix r = b r + (1 - b) mean of g^2 + e1 over each
// row, c the same over each column, v = r c / mean(r); of a vector v = b v + (1 - b) (g^2 + e1). u = g /
// sqrt(v); w -= rate max(e2, rms(w)) u / max(1, rms(u) / d). The factor of a variable is known when all of v
// is: the rule has two parts. Slots {r in the first places of a variable, c the same, v}; coefficients {rate
// (times the factor), b, e1, e2, d}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Adafactor : Rule {
  static constexpr const char* kName = "adafactor";
  static constexpr int kSlots = 3, kCoefficients = 5;
  static constexpr Preparation kPreparation = Preparation::factored;

  // u; 0 where v is, which only a g of 0 leaves.
  template <class T>
  DENSOR_FN T direction(T g, T v) {
    return select(v > T(0.0f), g / sqrt(v), T(0.0f));
  }

  // The second part.
  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    w = w - c[0] * direction(g, s[2]);
  }
};

// The factor of a variable, from the root mean squares of its weights and of u.
DENSOR_FN double adafactor_factor(double weights, double directions, double smallest, double threshold) {
  const double limited = directions / threshold;
  return (weights > smallest ? weights : smallest) / (limited > 1.0 ? limited : 1.0);
}

}  // namespace densor::math
