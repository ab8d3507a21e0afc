// Changes of the colours of an image, pixel by pixel or through a table of its values. Values that the
// formulas want between 0 and 1, or 0 and 255, are mapped there from [low, high] and back. One image at a
// time; 8 bytes an element, 12 where the image is read first.
#pragma once

#include "cpu/kernels.h"
#include "math/image_tone.h"

namespace densor::cpu {
namespace {

inline float in_bounds(float v, const ImageColors& a) { return math::within(v, a.low, a.high); }

// y = f(pixel) for images of three channels, in shares of the range.
template <class F>
void each_color(float* y, const float* x, const ImageColors& a, F f) {
  const float range = a.high - a.low;
  for (std::int64_t i = 0; i < 3 * a.size.pixels(); i += 3) {
    const math::Rgb c = f({(x[i] - a.low) / range, (x[i + 1] - a.low) / range, (x[i + 2] - a.low) / range});
    y[i] = in_bounds(c.red * range + a.low, a);
    y[i + 1] = in_bounds(c.green * range + a.low, a);
    y[i + 2] = in_bounds(c.blue * range + a.low, a);
  }
}

inline void grayed(float* y, const float* x, const ImageColors& a) {
  for (std::int64_t i = 0; i < 3 * a.size.pixels(); i += 3) {
    const float gray = math::luma({x[i], x[i + 1], x[i + 2]});
    for (int c = 0; c < 3; ++c) y[i + c] = in_bounds(math::towards(x[i + c], gray, a.amount), a);
  }
}

inline void solarized(float* y, const float* x, const ImageColors& a) {
  for (std::int64_t i = 0; i < a.size.size(); ++i)
    y[i] = math::solarized(x[i], a.amount, a.threshold, a.low, a.high);
}

inline math::ByteScale byte_scale(const ImageColors& a) { return {a.low, a.high - a.low}; }

inline void posterized(float* y, const float* x, const ImageColors& a) {
  const math::ByteScale scale = byte_scale(a);
  for (std::int64_t i = 0; i < a.size.size(); ++i)
    y[i] = scale.from(math::posterized(scale.to(x[i]), a.amount));
}

// Each channel by itself.
inline void stretched(float* y, const float* x, const ImageColors& a) {
  const std::int64_t channels = a.size.channels, values = a.size.size();
  const math::ByteScale bytes = byte_scale(a);
  for (std::int64_t c = 0; c < channels; ++c) {
    float least = bytes.to(x[c]), most = least;
    for (std::int64_t i = c; i < values; i += channels) {
      const float v = bytes.to(x[i]);
      least = v < least ? v : least;
      most = v > most ? v : most;
    }
    for (std::int64_t i = c; i < values; i += channels)
      y[i] = math::stretched(x[i], least, most, a.amount, bytes);
  }
}

// Each channel through the distribution of its values, in `amount` bins.
inline void equalized(float* y, const float* x, const ImageColors& a) {
  std::int32_t counts[math::kMostImageBins];
  float table[math::kMostImageBins];
  const std::int64_t bins = math::bins_of(a.amount), channels = a.size.channels, values = a.size.size();
  const math::ByteScale bytes = byte_scale(a);
  const auto last = static_cast<float>(bins - 1);
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t k = 0; k < bins; ++k) counts[k] = 0;
    for (std::int64_t i = c; i < values; i += channels)
      ++counts[math::bin_of(bytes.to(x[i]) * last / 255.0f, bins)];
    std::int64_t used = 0, first = 0, sum = 0;
    for (std::int64_t k = bins - 1; k >= 0; --k)
      if (counts[k] > 0) ++used, first = counts[k];
    const auto rest = static_cast<float>(values / channels - first);
    for (std::int64_t k = 0; k < bins; ++k) {
      sum += counts[k];
      table[k] = math::equalized(sum, first, rest);
    }
    for (std::int64_t i = c; i < values; i += channels)
      y[i] = used <= 1 ? x[i] : bytes.from(table[math::bin_of(bytes.to(x[i]) / 255.0f * last, bins)]);
  }
}

void image_tone(float* y, const float* x, const ImageColors& a) {
  using math::ImageColor;
  switch (a.kind) {
    case ImageColor::hue:
      return each_color(y, x, a, [&a](const math::Rgb& c) { return math::recolored(c, a.amount, 1.0f); });
    case ImageColor::saturation:
      return each_color(y, x, a, [&a](const math::Rgb& c) { return math::recolored(c, 0.0f, a.amount); });
    case ImageColor::gray:
      return grayed(y, x, a);
    case ImageColor::solarize:
      return solarized(y, x, a);
    case ImageColor::posterize:
      return posterized(y, x, a);
    case ImageColor::stretch:
      return stretched(y, x, a);
    default:
      return equalized(y, x, a);
  }
}

}  // namespace
}  // namespace densor::cpu
