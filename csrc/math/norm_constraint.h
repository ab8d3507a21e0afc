// The factor that brings a vector of norm n towards [low, high], in Keras' form:
// (rate clip(n, low, high) + (1 - rate) n) / (n + 1e-7).
#pragma once

#include "math/fn.h"

namespace densor::math {

template <class T>
DENSOR_FN T norm_constraint_factor(T norm, T low, T high, T rate) {
  const T desired = fma(rate, min(high, max(low, norm)), (T(1.0f) - rate) * norm);
  return desired / (norm + T(1e-7f));
}

}  // namespace densor::math
