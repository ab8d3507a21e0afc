// Normalization of one row: layer (Ba, Kiros and Hinton 2016), root mean square (Zhang and Sennrich 2019),
// unit length, and their gradients. As in batch_norm.h, u = x - center with the mean rounded to float32, and
// what the rounding lost is put right by one term a row.
#pragma once

#include <cmath>

#include "math/fn.h"
#include "math/layer_norm_kind.h"

namespace densor::math {

// 1 / deviation of a row of `count` elements; `squares` is the sum of u^2.
DENSOR_FN float row_inverse(LayerNormKind kind, float squares, float lost, float count, float epsilon) {
  if (kind == LayerNormKind::unit) return 1.0f / std::fmax(std::sqrt(squares), epsilon);
  return 1.0f / std::sqrt((squares / count - lost * lost) + epsilon);
}

// dx = g inverse + u slope + shift, g = dy gamma, from the row's sums of g and of g u.
struct RowGradient {
  float slope, shift;

  DENSOR_MEMBER RowGradient(LayerNormKind kind, float g, float g_u, float lost, float inverse, float count,
                            float epsilon) {
    const float normalized = inverse * (g_u - lost * g);  // sum of g times normalized x
    const bool clamped = kind == LayerNormKind::unit && inverse * epsilon >= 1.0f;
    const float terms = kind == LayerNormKind::unit ? 1.0f : count;
    slope = clamped ? 0.0f : -(inverse * inverse * normalized / terms);
    shift = kind == LayerNormKind::layer ? -(inverse * g / count) - slope * lost : 0.0f;
  }
};

}  // namespace densor::math
