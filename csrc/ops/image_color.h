#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/step.h"
#include "core/view.h"
#include "math/image_color_kind.h"

namespace densor::ops {

math::ImageColor image_color_kind(const char* function, const char* argument, const std::string& name);

// y = the images x (rows, shape: height, width, channels) changed as `parameters` (rows, those of the kind)
// say of each; `other` is what the kind reads beside x (math/image_color_kind.h), else absent. low < high:
// the range of the values.
Step image_color(const View& y, const View& x, const View& other, const View& parameters,
                 math::ImageColor kind, const std::vector<std::int64_t>& shape, double low, double high);

}  // namespace densor::ops
