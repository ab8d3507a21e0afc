// The geometry of images, and the ways to warp one, by name.
#pragma once

#include <cstdint>

namespace densor::math {

struct ImageSize {
  std::int64_t height, width, channels;
  std::int64_t pixels() const { return height * width; }
  std::int64_t size() const { return height * width * channels; }
};

struct Projection {
  double a0 = 1, a1 = 0, a2 = 0, b0 = 0, b1 = 1, b2 = 0, c0 = 0, c1 = 0;
};

enum class ImageWarp {
  projection,
  flip,
  rotation,
  translation,
  shear,
  zoom,
  crop,
  fit,
  perspective,
  elastic
};

inline constexpr int kImageWarps = 10;

struct ImageWarpEntry {
  const char* name;
  std::int64_t parameters;
};

// Parameters of an image, in order. Chances and coins lie in [0, 1).
constexpr ImageWarpEntry image_warp_entry(ImageWarp kind) {
  constexpr ImageWarpEntry entries[kImageWarps] = {
      {"projection", 8},    // a0, a1, a2, b0, b1, b2, c0, c1
      {"flip", 3},          // coin, across (0 or 1), down (0 or 1)
      {"rotation", 1},      // turns
      {"translation", 2},   // down and right, in heights and widths
      {"shear", 3},         // coin for the sign, x by y, y by x
      {"zoom", 2},          // vertical and horizontal, above 0: out
      {"crop", 2},          // coins for the first row and column
      {"fit", 0},           // the largest window in the middle that has the output's shape
      {"perspective", 10},  // probability, chance, and by which share the corners move: x, y of each
      {"elastic", 3},       // probability, chance, deviation of the blur of the field
  };
  return entries[static_cast<int>(kind)];
}

}  // namespace densor::math
