// No update: what is left of a step in which gradients are only accumulated. No slots, no coefficients.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

struct Hold : Rule {
  static constexpr const char* kName = "hold";
  static constexpr int kSlots = 0, kCoefficients = 0, kRates = 0;

  template <class T>
  DENSOR_FN void update(T&, T, T*, const T*) {}
};

}  // namespace densor::math
