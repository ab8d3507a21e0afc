// Cross-entropy of softmax(x) against target weights t, from sums over the row's classes. With m = max(x),
// log(sum(exp(x))) - m = log1p(sum of exp(x - m) over the others than one maximum): exact where one class
// leads by far and the loss is nearly zero.
#pragma once

#include "math/fn.h"
#include "math/log.h"

namespace densor::math {

// log(sum(exp(x - m))); `others` is that sum less one maximum's 1.
template <class T>
DENSOR_FN T log_sum_exp(T others) {
  return log1p(others);
}

// t (m - x): one class's share of the loss besides its part of log_sum_exp. A class of weight 0 costs nothing
// even at x = -inf.
template <class T>
DENSOR_FN T class_loss(T x, T m, T t) {
  return select(t == T(0.0f), T(0.0f), t * (m - x));
}

// Gradient by x: factor * (softmax(x) * total - t), with e = exp(x - m), share = factor * total / sum(e).
template <class T>
DENSOR_FN T class_gradient(T e, T share, T t, T factor) {
  return fma(e, share, -(factor * t));
}

}  // namespace densor::math
