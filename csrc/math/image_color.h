// Changes of the values of an image, from a few random numbers of the image. `low` and `high` bound its
// values.
#pragma once

#include <cstdint>

#include "math/exp.h"
#include "math/fn.h"
#include "math/image_color_kind.h"
#include "math/log.h"

namespace densor::math {

// low + range ((x - low) / range)^exponent, values outside the range at its ends.
template <class T>
DENSOR_FN T gamma_corrected(T x, float exponent, float low, float high) {
  const float range = high - low;
  const T share = min(max((x - T(low)) / T(range), T(0.0f)), T(1.0f));
  const T power = exp(T(exponent) * log(max(share, T(0x1p-126f))));
  return fma(select(share > T(0.0f), power, T(0.0f)), T(range), T(low));
}

}  // namespace densor::math
