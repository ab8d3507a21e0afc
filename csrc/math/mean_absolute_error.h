// Absolute error of one value: |x - t| and its derivative by x, 0 where x = t.
#pragma once

#include "math/fn.h"

namespace densor::math {

struct MeanAbsoluteError {
  template <class T>
  DENSOR_FN T value(T x, T t) {
    return abs(x - t);
  }
  template <class T>
  DENSOR_FN T derivative(T x, T t) {
    const T e = x - t;
    return select(e > T(0.0f), T(1.0f), select(e < T(0.0f), T(-1.0f), e));  // e: 0, or NaN
  }
};

}  // namespace densor::math
