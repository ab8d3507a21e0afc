// Warped images: every pixel of the output is read from the input at a place that a projection, and a field
// of displacements, say, between the pixels by bilinear weights. One image at a time, in doubles: the places
// of pixels that fall on pixels must come out exactly. Reads 4 bytes an element four times, from cache,
// writes 4.
#pragma once

#include <cmath>

#include "cpu/kernels.h"
#include "math/image_parameters.h"

namespace densor::cpu {
namespace {

// All channels of the place (u, v) near the border or beyond.
inline void sample_border(float* out, const float* x, std::int64_t j, std::int64_t i, const float (&share)[4],
                          const ImageSampling& s) {
  const std::int64_t channels = s.size.channels;
  for (std::int64_t c = 0; c < channels; ++c) out[c] = 0.0f;
  for (int corner = 0; corner < 4; ++corner) {
    if (share[corner] == 0.0f) continue;
    const std::int64_t row = math::pixel_inside(i + corner / 2, s.size.height, s.fill);
    const std::int64_t col = math::pixel_inside(j + corner % 2, s.size.width, s.fill);
    const bool filled = row < 0 || col < 0;
    const float* from = filled ? nullptr : x + (row * s.size.width + col) * channels;
    for (std::int64_t c = 0; c < channels; ++c) out[c] += share[corner] * (filled ? s.fill_value : from[c]);
  }
}

inline void sample(float* out, const float* x, double u, double v, const ImageSampling& s) {
  constexpr double kFar = 1e9;  // behind the horizon of a projection
  if (!(std::fabs(u) < kFar && std::fabs(v) < kFar)) u = v = -kFar;
  if (s.nearest) {
    u = std::nearbyint(u);
    v = std::nearbyint(v);
  }
  const double left = std::floor(u), top = std::floor(v);
  const auto j = static_cast<std::int64_t>(left), i = static_cast<std::int64_t>(top);
  const auto right_share = static_cast<float>(u - left), low_share = static_cast<float>(v - top);
  const float share[4] = {(1.0f - low_share) * (1.0f - right_share), (1.0f - low_share) * right_share,
                          low_share * (1.0f - right_share), low_share * right_share};
  const std::int64_t channels = s.size.channels, row = s.size.width * channels;
  if (i < 0 || j < 0 || i + 1 >= s.size.height || j + 1 >= s.size.width)
    return sample_border(out, x, j, i, share, s);
  const float* from = x + i * row + j * channels;
  for (std::int64_t c = 0; c < channels; ++c)
    out[c] = share[0] * from[c] + share[1] * from[channels + c] +
             (share[2] * from[row + c] + share[3] * from[row + channels + c]);
}

void image_warp(float* y, const float* x, const float* field, const math::Projection& p, double reach,
                const ImageSampling& s) {
  for (std::int64_t i = 0; i < s.out_height; ++i) {
    const auto down = static_cast<double>(i);
    const double at_u = p.a1 * down + p.a2, at_v = p.b1 * down + p.b2, at_d = p.c1 * down + 1.0;
    for (std::int64_t j = 0; j < s.out_width; ++j) {
      const auto right = static_cast<double>(j);
      const double d = p.c0 * right + at_d;
      double u = (p.a0 * right + at_u) / d, v = (p.b0 * right + at_v) / d;
      if (field != nullptr) {
        const float* shift = field + 2 * (i * s.out_width + j);
        u += reach * static_cast<double>(shift[0]);
        v += reach * static_cast<double>(shift[1]);
      }
      sample(y + (i * s.out_width + j) * s.size.channels, x, u, v, s);
    }
  }
}

void fill_image_warp(Kernels& k) { k.image_warp = image_warp; }

}  // namespace
}  // namespace densor::cpu
