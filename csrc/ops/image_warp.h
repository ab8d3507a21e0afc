#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/step.h"
#include "core/view.h"
#include "math/image_warp_kind.h"

namespace densor::ops {

struct ImageWarpOptions {
  math::ImageWarp kind;
  std::vector<std::int64_t> shape;   // height, width, channels of x
  std::vector<std::int64_t> target;  // height, width of y
  std::string fill_mode;             // constant, nearest, reflect, wrap, mirror
  double fill_value;
  bool nearest;  // the nearest pixel instead of the mean of four
};

math::ImageWarp image_warp_kind(const char* function, const char* argument, const std::string& name);

// y (rows, target) = the images x (rows, shape) warped as `parameters` (rows, those of the kind) say of each;
// absent where the kind has none. field (rows, pixels of y * 2), x then y of every pixel, for `elastic`
// alone, which moves pixels by 2 (larger / smaller side) deviation^2 times the field.
Step image_warp(const View& y, const View& x, const View& parameters, const View& field,
                const ImageWarpOptions& options);

}  // namespace densor::ops
