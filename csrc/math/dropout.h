// Dropout as a map of the elements: y = keep ? scale x + shift : dropped.
//
// inverted (Srivastava et al. 2014): x / (1 - rate) or 0. alpha (Klambauer et al. 2017): a x + b or a s + b
// with s the value at which SELU saturates, a = ((1 - rate) (1 + rate s^2))^(-1/2), b = -a rate s, which keep
// mean 0 and variance 1.
#pragma once

#include <cmath>

#include "math/fn.h"

namespace densor::math {

enum class DropoutKind { inverted, alpha };

inline constexpr int kDropoutKinds = 2;

constexpr const char* dropout_name(DropoutKind kind) {
  return kind == DropoutKind::inverted ? "inverted" : "alpha";
}

struct DropoutMap {
  float scale, shift, dropped;
};

DENSOR_FN DropoutMap dropout_map(DropoutKind kind, double rate) {
  if (kind == DropoutKind::inverted) return {static_cast<float>(1.0 / (1.0 - rate)), 0.0f, 0.0f};
  const double saturated = -1.0507009873554805 * 1.6732632423543772;
  const double a = 1.0 / std::sqrt((1.0 - rate) * (1.0 + rate * saturated * saturated));
  const double b = -a * rate * saturated;
  return {static_cast<float>(a), static_cast<float>(b), static_cast<float>(a * saturated + b)};
}

}  // namespace densor::math
