// Changes of the values of an image, bounded by [low, high] where that can be left. One image at a time.
// Reads 4 bytes an element, 8 with a second array, writes 4; contrast reads the image twice.
#pragma once

#include "cpu/generic/image_tone.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/image_color.h"

namespace densor::cpu {
namespace {

inline Vec bounded(Vec v, const ImageColors& a) { return min(max(v, Vec(a.low)), Vec(a.high)); }
inline float bounded(float v, const ImageColors& a) { return v < a.low ? a.low : v > a.high ? a.high : v; }

// y = f(i, n, load) of the vectors of the image.
template <class F>
void each_value(float* y, const ImageColors& a, F f) {
  each_vector(a.size.size(), [&](std::int64_t i, int n, auto load) { store_lanes(y + i, n, f(i, n, load)); });
}

inline void keep_image(float* y, const float* x, const ImageColors& a) {
  each_value(y, a, [=](std::int64_t i, int n, auto load) { return load(x + i, n); });
}

inline void contrast(float* y, const float* x, const ImageColors& a) {
  const std::int64_t pixels = a.size.pixels(), channels = a.size.channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < pixels; ++i) sum += static_cast<double>(x[i * channels + c]);
    const auto mean = static_cast<float>(sum / static_cast<double>(pixels));
    for (std::int64_t i = 0; i < pixels; ++i) {
      const std::int64_t at = i * channels + c;
      y[at] = bounded((x[at] - mean) * a.amount + mean, a);
    }
  }
}

// The share of pixels whose noise is smallest becomes dark, that of the largest bright.
inline void salt(float* y, const float* x, const float* noise, const ImageColors& a) {
  const float half = 0.5f * a.amount;
  const std::int64_t channels = a.size.channels;
  for (std::int64_t i = 0; i < a.size.pixels(); ++i) {
    const bool dark = noise[i] < half, bright = noise[i] >= 1.0f - half;
    for (std::int64_t c = 0; c < channels; ++c)
      y[i * channels + c] = dark ? a.low : bright ? a.high : x[i * channels + c];
  }
}

inline void erase(float* y, const float* x, const float* other, const ImageColors& a) {
  keep_image(y, x, a);
  const std::int64_t channels = a.size.channels;
  for (std::int64_t i = a.box.top; i < a.box.bottom; ++i)
    for (std::int64_t j = a.box.left * channels; j < a.box.right * channels; ++j) {
      const std::int64_t at = i * a.size.width * channels + j;
      y[at] = bounded(other[at], a);
    }
}

void image_color(float* y, const float* x, const float* other, const ImageColors& a) {
  using math::ImageColor;
  switch (a.kind) {
    case ImageColor::brightness:
      return each_value(y, a, [=](std::int64_t i, int n, auto load) {
        return bounded(load(x + i, n) + Vec(a.amount * (a.high - a.low)), a);
      });
    case ImageColor::contrast:
      return contrast(y, x, a);
    case ImageColor::gamma:
      return each_value(y, a, [=](std::int64_t i, int n, auto load) {
        return math::gamma_corrected(load(x + i, n), a.amount, a.low, a.high);
      });
    case ImageColor::invert:
      if (!a.happens) return keep_image(y, x, a);
      return each_value(y, a, [=](std::int64_t i, int n, auto load) { return Vec(a.high) - load(x + i, n); });
    case ImageColor::blend:
      return each_value(y, a, [=](std::int64_t i, int n, auto load) {
        const Vec v = load(x + i, n);
        return bounded(fma(load(other + i, n) - v, Vec(a.amount), v), a);
      });
    case ImageColor::salt:
      return salt(y, x, other, a);
    case ImageColor::erase:
      return a.happens ? erase(y, x, other, a) : keep_image(y, x, a);
    default:
      return image_tone(y, x, a);
  }
}

void fill_image_color(Kernels& k) { k.image_color = image_color; }

}  // namespace
}  // namespace densor::cpu
