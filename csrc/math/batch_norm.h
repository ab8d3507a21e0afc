// Batch normalization (Ioffe and Szegedy 2015) of one column: y = gamma (x - mean) / sqrt(variance + epsilon)
// + beta with biased variance, its gradients, and the merge of the moments of two sets of rows (Chan et al.
// 1979).
//
// Deviations are taken from the mean rounded to float32, u = x - mean, and what the rounding lost is put
// right by a term per column: a column at 1e4 with deviation 1 is normalized as exactly as one at 0.
#pragma once

#include "math/fn.h"

namespace densor::math {

// Mean of some rows, and the sum of squared deviations from it.
template <class T>
struct Moments {
  T mean, squares;

  // Adds `count` rows with moments `b` to the `before` rows that are here.
  DENSOR_MEMBER void merge(const Moments& b, float before, float count) {
    const float fraction = count / (before + count);
    const T delta = b.mean - mean;
    mean = fma(delta, T(fraction), mean);
    squares = squares + fma(delta * delta, T(before * fraction), b.squares);
  }
};

// pivot + offset = sum + lost, exactly (Knuth's two-sum).
template <class T>
struct SplitMean {
  T sum, lost;

  DENSOR_MEMBER SplitMean(T pivot, T offset) : sum(pivot + offset) {
    const T part = sum - pivot;
    lost = (pivot - (sum - part)) + (offset - part);
  }
};

template <class T>
DENSOR_FN T inverse_deviation(T variance, T epsilon) {
  return T(1.0f) / sqrt(variance + epsilon);
}

// y = scale u + shift, before the activation.
template <class T>
struct Normalization {
  T scale, shift;

  DENSOR_MEMBER Normalization(T gamma, T beta, T inverse, T lost)
      : scale(gamma * inverse), shift(fma(-lost, scale, beta)) {}
};

// Sums over the rows: of dz, dz u and u, dz being the gradient behind the activation.
template <class T>
struct GradientSums {
  T dz, dz_u, u;
};

// dgamma, and dx = scale dz + slope u + shift; dbeta is the sum of dz.
template <class T>
struct NormalizationGradient {
  T dgamma, scale, slope, shift;

  // Mean and variance are functions of x.
  DENSOR_MEMBER NormalizationGradient(const GradientSums<T>& sum, T gamma, T inverse, float rows)
      : scale(gamma * inverse) {
    const T lost = sum.u / T(rows);
    dgamma = inverse * fma(-lost, sum.dz, sum.dz_u);
    slope = -(scale * inverse * dgamma / T(rows));
    shift = -fma(slope, lost, scale * sum.dz / T(rows));
  }
};

template <class T>
DENSOR_FN T moving_average(T moving, T batch, T momentum, T rest) {
  return fma(moving, momentum, batch * rest);
}

}  // namespace densor::math
