// Blurred images: sums of the pixels around, weighted along both axes by a kernel that is symmetric; pixels
// outside count as zero. One image at a time: rows of values are added, shifted by whole pixels. Reads and
// writes 4 bytes an element once a tap, from cache.
#pragma once

#include "cpu/generic/rows.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

inline void add_scaled(float* y, const float* x, std::int64_t n, float factor) {
  each_vector(n, [=](std::int64_t i, int lanes, auto load) {
    store_lanes(y + i, lanes, fma(load(x + i, lanes), Vec(factor), load(y + i, lanes)));
  });
}

inline void scale_values(float* y, const float* x, std::int64_t n, float factor) {
  each_vector(n, [=](std::int64_t i, int lanes, auto load) {
    store_lanes(y + i, lanes, load(x + i, lanes) * Vec(factor));
  });
}

// y = the n values of x and those `step` to the left and right, twice as far, ... weighted.
inline void blur_line(float* y, const float* x, std::int64_t n, std::int64_t step, const BlurKernel& kernel) {
  scale_values(y, x, n, kernel.weight[0]);
  for (std::int64_t t = 1; t <= kernel.reach && t * step < n; ++t) {
    add_scaled(y + t * step, x, n - t * step, kernel.weight[t]);
    add_scaled(y, x + t * step, n - t * step, kernel.weight[t]);
  }
}

void image_blur(float* y, const float* x, float* room, const math::ImageSize& size, const BlurKernel& across,
                const BlurKernel& down, float low, float high) {
  const std::int64_t row = size.width * size.channels;
  for (std::int64_t i = 0; i < size.height; ++i)
    blur_line(room + i * row, x + i * row, row, size.channels, across);
  blur_line(y, room, size.size(), row, down);
  each_vector(size.size(), [=](std::int64_t i, int n, auto load) {
    store_lanes(y + i, n, min(max(load(y + i, n), Vec(low)), Vec(high)));
  });
}

void fill_image_blur(Kernels& k) { k.image_blur = image_blur; }

}  // namespace
}  // namespace densor::cpu
