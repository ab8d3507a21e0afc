// The penalty l1 |x| + l2 x^2 of one weight: its derivative, with 0 for |x| at 0.
#pragma once

#include "math/fn.h"

namespace densor::math {

template <class T>
DENSOR_FN T penalty_derivative(T x, T l1, T l2) {
  const T sign = select(x > T(0.0f), l1, select(x < T(0.0f), -l1, T(0.0f)));
  return fma(l2 + l2, x, sign);
}

}  // namespace densor::math
