#pragma once

#include <cstdint>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = x + noise, or x (1 + noise) where `multiplies`, with normal noise of deviation stddev, both (rows,
// cols); y may be x. The noise depends on seed, stream, the step being run, row and column: the gradient of
// the product is the same call on dy.
Step gaussian_noise(const View& y, const View& x, double stddev, bool multiplies, std::uint64_t seed,
                    std::uint32_t stream);

}  // namespace densor::ops
