// What the ops on images share: rows that hold an image each, and what stands beside them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/check.h"
#include "math/image_warp_kind.h"

namespace densor::cpu {

inline constexpr std::int64_t kLongestSide = std::int64_t{1} << 24;  // places of pixels are floats in places

// Height, width and channels, each at least 1.
math::ImageSize image_size(const Check& check, const char* argument, const std::vector<std::int64_t>& shape);
// The same, of images that are the rows of x.
math::ImageSize checked_images(const Check& check, const View& x, const std::vector<std::int64_t>& shape);

// A matrix (rows, cols) beside the images, which must be absent where cols is 0.
void check_beside(const Check& check, const char* argument, const View& view, std::int64_t rows,
                  std::int64_t cols);

// The range of the values, as floats.
struct Bounds {
  float low, high;
};
Bounds checked_bounds(const Check& check, double low, double high);

}  // namespace densor::cpu
