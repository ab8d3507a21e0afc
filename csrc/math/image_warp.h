// Where the pixels of a warped image come from: pixel (x, y) of the output reads the input at
// ((a0 x + a1 y + a2) / d, (b0 x + b1 y + b2) / d) with d = c0 x + c1 y + 1, x to the right and y down, both
// in pixels. The kinds make such a map from a few random numbers of an image, with the geometry of Keras 3.
#pragma once

#include <cmath>
#include <cstdint>

#include "math/fn.h"
#include "math/image_warp_kind.h"

namespace densor::math {

// Whether an image is changed: its chance lies below its probability.
DENSOR_FN bool happens(const float* parameters) { return parameters[1] < parameters[0]; }

// Stretches by sx and sy about the middle of the image.
DENSOR_FN Projection stretch(double sx, double sy, const ImageSize& size) {
  const double cx = 0.5 * static_cast<double>(size.width - 1),
               cy = 0.5 * static_cast<double>(size.height - 1);
  return {sx, 0, cx * (1 - sx), 0, sy, cy * (1 - sy), 0, 0};
}

DENSOR_FN Projection rotation(double turns, const ImageSize& size) {
  const double angle = 6.283185307179586 * turns, c = std::cos(angle), s = std::sin(angle);
  const double cx = 0.5 * static_cast<double>(size.width - 1),
               cy = 0.5 * static_cast<double>(size.height - 1);
  return {c, -s, cx - cx * c + cy * s, s, c, cy - cx * s - cy * c, 0, 0};
}

// Solves m (8 x 8, and the right side as the ninth column) for h; false where no solution stands out.
DENSOR_FN bool solve(double (&m)[8][9], double (&h)[8]) {
  for (int k = 0; k < 8; ++k) {
    int pivot = k;
    for (int i = k + 1; i < 8; ++i)
      if (std::fabs(m[i][k]) > std::fabs(m[pivot][k])) pivot = i;
    if (!(std::fabs(m[pivot][k]) > 1e-12)) return false;
    for (int j = 0; j < 9; ++j) {
      const double kept = m[k][j];
      m[k][j] = m[pivot][j];
      m[pivot][j] = kept;
    }
    for (int i = 0; i < 8; ++i) {
      if (i == k) continue;
      const double factor = m[i][k] / m[k][k];
      for (int j = k; j < 9; ++j) m[i][j] -= factor * m[k][j];
    }
  }
  for (int i = 0; i < 8; ++i) h[i] = m[i][8] / m[i][i];
  return true;
}

// The corners of the image move, each by a share of its own coordinates.
DENSOR_FN Projection perspective(const float* shares, const ImageSize& size) {
  const double right = static_cast<double>(size.width - 1), bottom = static_cast<double>(size.height - 1);
  const double from[4][2] = {{0, 0}, {right, 0}, {0, bottom}, {right, bottom}};
  double m[8][9] = {}, h[8];
  for (int i = 0; i < 4; ++i) {
    const double x = from[i][0] * (1 + static_cast<double>(shares[2 * i]));
    const double y = from[i][1] * (1 + static_cast<double>(shares[2 * i + 1]));
    for (int axis = 0; axis < 2; ++axis) {
      double* row = m[2 * i + axis];
      row[3 * axis] = x;
      row[3 * axis + 1] = y;
      row[3 * axis + 2] = 1;
      row[6] = -from[i][axis] * x;
      row[7] = -from[i][axis] * y;
      row[8] = from[i][axis];
    }
  }
  if (!solve(m, h)) return {};  // corners on a line: the image stays as it is
  return {h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]};
}

// Of `length` pixels, the first of a window of `wanted` that a coin in [0, 1) chooses.
DENSOR_FN double first_of(float coin, std::int64_t length, std::int64_t wanted) {
  const double last = static_cast<double>(length - wanted);
  return std::fmin(std::floor(static_cast<double>(coin) * (last + 1)), last);
}

// The window of `length` pixels that, beside `other` ones, has the shape wanted : other_wanted, resized to
// `wanted`: its scale, and where its first pixel lies.
struct FittedAxis {
  double scale, first;
};
DENSOR_FN FittedAxis fit_axis(std::int64_t length, std::int64_t other, std::int64_t wanted,
                              std::int64_t other_wanted) {
  std::int64_t window = other * wanted / other_wanted;
  window = window < 1 ? 1 : window > length ? length : window;
  const double scale = static_cast<double>(window) / static_cast<double>(wanted);
  return {scale, static_cast<double>((length - window) / 2) + 0.5 * scale - 0.5};
}

// The map of an image with parameters p; `target` is the output's size.
DENSOR_FN Projection projection_of(ImageWarp kind, const float* p, const ImageSize& size,
                                   const ImageSize& target) {
  const auto at = [p](int i) { return static_cast<double>(p[i]); };
  switch (kind) {
    case ImageWarp::projection:
      return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
    case ImageWarp::flip: {
      const bool flips = p[0] <= 0.5f, across = flips && p[1] != 0.0f, down = flips && p[2] != 0.0f;
      return stretch(across ? -1 : 1, down ? -1 : 1, size);
    }
    case ImageWarp::rotation:
      return rotation(at(0), size);
    case ImageWarp::translation:
      return {1, 0, -at(1) * static_cast<double>(size.width), 0, 1, -at(0) * static_cast<double>(size.height),
              0, 0};
    case ImageWarp::shear: {
      const double sign = p[0] > 0.5f ? -1 : 1;
      return {1, sign * at(1), 0, sign * at(2), 1, 0, 0, 0};
    }
    case ImageWarp::zoom:
      return stretch(1 + at(1), 1 + at(0), size);
    case ImageWarp::crop:
      return {1, 0, first_of(p[1], size.width, target.width),
              0, 1, first_of(p[0], size.height, target.height),
              0, 0};
    case ImageWarp::fit: {
      const FittedAxis x = fit_axis(size.width, size.height, target.width, target.height);
      const FittedAxis y = fit_axis(size.height, size.width, target.height, target.width);
      return {x.scale, 0, x.first, 0, y.scale, y.first, 0, 0};
    }
    case ImageWarp::perspective:
      return happens(p) ? perspective(p + 2, size) : Projection{};
    case ImageWarp::elastic:
      break;
  }
  return {};
}

}  // namespace densor::math
