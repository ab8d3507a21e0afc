// c0 + c1 x + c2 x^2 + ... by Horner's scheme. Coefficients in this folder are minimax fits made for it,
// rounded to float32 one after the other, each time fitting the rest anew.
#pragma once

#include "math/fn.h"

namespace densor::math {

template <class T>
DENSOR_FN T polynomial(T, float c0) {
  return T(c0);
}

template <class T, class... Rest>
DENSOR_FN T polynomial(T x, float c0, Rest... rest) {
  return fma(x, polynomial(x, rest...), T(c0));
}

}  // namespace densor::math
