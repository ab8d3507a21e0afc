// The changes of an image's values, by name.
#pragma once

#include <cstdint>

namespace densor::math {

enum class ImageColor {
  brightness,
  contrast,
  gamma,
  invert,
  blend,
  salt,
  erase,
  hue,
  saturation,
  gray,
  solarize,
  posterize,
  stretch,
  equalize
};

inline constexpr int kImageColors = 14, kMostImageBins = 4096;

// What a second array holds beside the image: nothing, a value for each pixel, or for each of its values.
enum class BesideImage { nothing, pixels, values };

struct ImageColorEntry {
  const char* name;
  std::int64_t parameters;
  BesideImage other;
};

// Parameters of an image, in order. Chances and coins lie in [0, 1).
constexpr ImageColorEntry image_color_entry(ImageColor kind) {
  constexpr ImageColorEntry entries[kImageColors] = {
      {"brightness", 1, BesideImage::nothing},  // x + share of the range
      {"contrast", 1, BesideImage::nothing},    // mean + factor (x - mean), the mean of every channel
      {"gamma", 1, BesideImage::nothing},       // exponent
      {"invert", 2, BesideImage::nothing},      // probability, chance: high - x
      {"blend", 1, BesideImage::values},        // x + share (other - x)
      {"salt", 1, BesideImage::pixels},   // share: pixels whose noise is smallest and largest: low and high
      {"erase", 6, BesideImage::values},  // probability, chance; areas of the box by its height and width;
                                          // coins for its place: other inside the box
      {"hue", 1, BesideImage::nothing},   // turn of the circle of hues, as a share of it
      {"saturation", 1, BesideImage::nothing},  // factor
      {"gray", 1, BesideImage::nothing},        // x + share (luma - x)
      {"solarize", 2, BesideImage::nothing},    // shares of the range: added, then where inversion begins
      {"posterize", 1, BesideImage::nothing},   // bits of 8 that stay
      {"stretch", 1, BesideImage::nothing},     // share of the way to the whole range, for every channel
      {"equalize", 1, BesideImage::nothing},    // bins
  };
  return entries[static_cast<int>(kind)];
}

// Whether a pixel is red, green and blue.
constexpr bool has_colors(ImageColor kind) {
  return kind == ImageColor::hue || kind == ImageColor::saturation || kind == ImageColor::gray;
}

// Pixels [top, bottom) x [left, right).
struct ImageBox {
  std::int64_t top, bottom, left, right;
};

}  // namespace densor::math
