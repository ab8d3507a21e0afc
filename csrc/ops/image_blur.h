#pragma once

#include <cstdint>
#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = the images x (rows, shape: height, width, channels) blurred by a Gaussian along both axes and bounded
// by [low, high]. parameters (rows, 3 or 4): probability, chance, and the deviation in pixels, across and
// down where there are two; an image whose chance is not below its probability is only bounded. kernel_size:
// odd, across and down; 0: as long as six deviations.
Step image_blur(const View& y, const View& x, const View& parameters, const std::vector<std::int64_t>& shape,
                const std::vector<std::int64_t>& kernel_size, double low, double high);

}  // namespace densor::ops
