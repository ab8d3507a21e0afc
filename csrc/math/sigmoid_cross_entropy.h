// Cross-entropy of sigmoid(x) against t on the logit x: max(x, 0) - x t + log(1 + exp(-|x|)), which neither
// overflows nor cancels; its derivative is sigmoid(x) - t.
#pragma once

#include "math/exp.h"
#include "math/fn.h"
#include "math/log.h"
#include "math/tanh.h"

namespace densor::math {

struct SigmoidCrossEntropy {
  template <class T>
  DENSOR_FN T value(T x, T t) {
    return fma(-x, t, max(T(0.0f), x)) + log1p(exp(-abs(x)));
  }
  template <class T>
  DENSOR_FN T derivative(T x, T t) {
    return sigmoid(x) - t;
  }
};

}  // namespace densor::math
