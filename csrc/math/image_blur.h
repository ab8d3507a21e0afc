// Blur kernels: the weights of a normal distribution, whose sum is 1.
#pragma once

#include <cmath>
#include <cstdint>

#include "math/fn.h"

namespace densor::math {

// Taps along an axis: `weight(t) / total` is that of both pixels t away, t <= reach. Taps beyond the image
// count in the total only.
struct BlurAxis {
  double sigma;
  std::int64_t taps, reach;
};

// Along `length` pixels; size 0: six deviations.
DENSOR_FN BlurAxis blur_axis(std::int64_t length, std::int64_t size, float deviation) {
  const double sigma = std::fmax(static_cast<double>(deviation), 0.0) + 1e-6;
  const double longest = std::fmin(6.0 * sigma, 32.0 * static_cast<double>(length));
  const std::int64_t taps = size != 0 ? size : static_cast<std::int64_t>(longest) | 1;
  return {sigma, taps, taps / 2 < length - 1 ? taps / 2 : length - 1};
}

DENSOR_FN double blur_weight(const BlurAxis& axis, std::int64_t t) {
  const double at = static_cast<double>(t) / axis.sigma;
  return std::exp(-0.5 * at * at);
}

}  // namespace densor::math
