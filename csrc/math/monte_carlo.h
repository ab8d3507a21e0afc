// Mean and spread of samples that come one after the other (Welford 1962), and the entropy of probabilities.
#pragma once

#include "math/fn.h"
#include "math/log.h"

namespace densor::math {

// Adds the sample x, whose share in all samples so far is 1 / their number, to the mean and to the sum of
// squared deviations from it.
template <class T>
DENSOR_FN void add_sample(T& mean, T& squares, T x, T share) {
  const T before = x - mean;
  mean = fma(before, share, mean);
  squares = fma(before, x - mean, squares);
}

// -p log p, 0 at p = 0.
template <class T>
DENSOR_FN T surprise(T p) {
  return select(p > T(0.0f), -(p * log(p)), T(0.0f));
}

}  // namespace densor::math
