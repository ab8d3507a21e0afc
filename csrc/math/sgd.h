// Stochastic gradient descent: w -= lr g. No slots; coefficients {lr}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Sgd : Rule {
  static constexpr const char* kName = "sgd";
  static constexpr int kSlots = 0, kCoefficients = 1;

  template <class T>
  DENSOR_FN void update(T& w, T g, T*, const T* c) {
    w = fma(-c[0], g, w);
  }
};

}  // namespace densor::math
