// Gradient clipping: by value to [-c, c]; by norm with the factor c / max(norm, c).
#pragma once

#include "math/fn.h"

namespace densor::math {

// A NaN stays NaN: it is the second operand, which min and max return then.
template <class T>
DENSOR_FN T clip_value(T g, T c) {
  return min(c, max(-c, g));
}

DENSOR_FN float clip_factor(double norm, double c) { return static_cast<float>(norm > c ? c / norm : 1.0); }

}  // namespace densor::math
