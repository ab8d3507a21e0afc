#include "cpu/images.h"

#include <limits>
#include <string>

namespace densor::cpu {

math::ImageSize image_size(const Check& check, const char* argument, const std::vector<std::int64_t>& shape) {
  if (shape.size() != 3)
    check.fail(argument,
               "expected height, width and channels, got " + std::to_string(shape.size()) + " numbers");
  std::int64_t size = 1;
  for (const std::int64_t side : shape) {
    if (side < 1 || side > kLongestSide)
      check.fail(argument,
                 "size " + std::to_string(side) + " is not in [1, " + std::to_string(kLongestSide) + "]");
    size = checked_multiply(check.function(), size, side);
  }
  return {shape[0], shape[1], shape[2]};
}

math::ImageSize checked_images(const Check& check, const View& x, const std::vector<std::int64_t>& shape) {
  check.matrix("x", x);
  const math::ImageSize size = image_size(check, "shape", shape);
  if (size.size() != x.cols())
    check.fail("shape",
               "holds " + std::to_string(size.size()) + " values, a row of x " + std::to_string(x.cols()));
  return size;
}

void check_beside(const Check& check, const char* argument, const View& view, std::int64_t rows,
                  std::int64_t cols) {
  if (cols != 0) return check.input(argument, view, DType::f32, {rows, cols});
  if (view.present) check.fail(argument, "this kind has none");
}

Bounds checked_bounds(const Check& check, double low, double high) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  check.number("low", low, -kLargest, kLargest);
  check.number("high", high, low, kLargest);
  return {static_cast<float>(low), static_cast<float>(high)};
}

}  // namespace densor::cpu
