// Squared error of one value: (x - t)^2 and its derivative by x.
#pragma once

#include "math/fn.h"

namespace densor::math {

struct MeanSquaredError {
  template <class T>
  DENSOR_FN T value(T x, T t) {
    const T e = x - t;
    return e * e;
  }
  template <class T>
  DENSOR_FN T derivative(T x, T t) {
    return T(2.0f) * (x - t);
  }
};

}  // namespace densor::math
