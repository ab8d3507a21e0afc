// What the random numbers of an image say: how its values change, and how far a field moves its pixels.
#pragma once

#include <cmath>
#include <cstdint>

#include "math/fn.h"
#include "math/image_warp.h"
#include "math/operands.h"

namespace densor::math {

struct PixelInterval {
  std::int64_t begin, end;
};

DENSOR_FN std::int64_t pixel_from(double at, double whole) {
  return static_cast<std::int64_t>(std::ceil(std::fmin(std::fmax(at, 0.0), whole)));
}

// The pixels of a side of `length` that lie in an interval of the given share, which a coin places.
DENSOR_FN PixelInterval interval_of(float share, float coin, std::int64_t length) {
  const double whole = static_cast<double>(length);
  const double part = std::sqrt(std::fmin(std::fmax(static_cast<double>(share), 0.0), 1.0)) * whole;
  const double start = static_cast<double>(coin) * (whole - part);
  return {pixel_from(start, whole), pixel_from(start + part, whole)};
}

DENSOR_FN ImageColors image_colors(ImageColor kind, const float* p, const ImageSize& size, float low,
                                   float high) {
  const bool chances = kind == ImageColor::invert || kind == ImageColor::erase;
  ImageColors colors{
      kind, size, {}, p[0], low, high, chances && happens(p), kind == ImageColor::solarize ? p[1] : 0.0f};
  if (kind == ImageColor::erase) {
    const PixelInterval rows = interval_of(p[2], p[4], size.height);
    const PixelInterval cols = interval_of(p[3], p[5], size.width);
    colors.box = {rows.begin, rows.end, cols.begin, cols.end};
  }
  return colors;
}

// How far a field of a given deviation moves pixels (Simard et al. 2003, with the constants of Keras 3).
DENSOR_FN double field_reach(const float* p, const ImageSize& size) {
  if (!happens(p)) return 0.0;
  const bool wide = size.width > size.height;
  const auto larger = static_cast<double>(wide ? size.width : size.height);
  const auto smaller = static_cast<double>(wide ? size.height : size.width);
  const auto deviation = static_cast<double>(p[2]);
  return 2.0 * larger / smaller * deviation * deviation;
}

// The index of [0, size) that stands for i, or -1 for the constant.
DENSOR_FN std::int64_t pixel_inside(std::int64_t i, std::int64_t size, ImageFill fill) {
  if (i >= 0 && i < size) return i;
  if (fill == ImageFill::constant) return -1;
  if (fill == ImageFill::nearest) return i < 0 ? 0 : size - 1;
  if (fill == ImageFill::mirror && size == 1) return 0;
  const std::int64_t period = fill == ImageFill::wrap      ? size
                              : fill == ImageFill::reflect ? 2 * size
                                                           : 2 * size - 2;
  std::int64_t at = i % period;
  if (at < 0) at += period;
  if (at < size) return at;
  return fill == ImageFill::reflect ? period - 1 - at : period - at;
}

}  // namespace densor::math
