// Circle loss (Sun et al. 2020): what a pair of embeddings with cosine similarity s adds, with the distance
// d = max(1 - s, 0) and a margin m. Pairs of one class have the logit gamma max(m + d, 0) (d - m), others
// gamma max(1 + m - d, 0) (1 - m - d); the derivatives go through the weights max(...) too.
#pragma once

#include "math/fn.h"

namespace densor::math {

template <class T>
struct PairLogit {
  T value, slope;  // slope: by s
};

// By s: -1, 0 where d is bounded, half of both where 1 - s is 0.
template <class T>
DENSOR_FN T distance_slope(T s) {
  const T bounded = select(s == T(1.0f), T(-0.5f), T(0.0f));
  return select(s < T(1.0f), T(-1.0f), bounded);
}

template <class T>
DENSOR_FN PairLogit<T> same_class_logit(T s, T gamma, T margin) {
  const T d = max(T(0.0f), T(1.0f) - s);  // the second operand is the one that keeps NaN
  const T weight = max(T(0.0f), margin + d);
  const T slope = select(weight > T(0.0f), gamma * (d + d) * distance_slope(s), T(0.0f));
  return {gamma * weight * (d - margin), slope};
}

template <class T>
DENSOR_FN PairLogit<T> other_class_logit(T s, T gamma, T margin) {
  const T d = max(T(0.0f), T(1.0f) - s);
  const T near = T(1.0f) - d;
  const T weight = max(T(0.0f), near + margin);
  const T slope = select(weight > T(0.0f), -gamma * (near + near) * distance_slope(s), T(0.0f));
  return {gamma * weight * (near - margin), slope};
}

}  // namespace densor::math
