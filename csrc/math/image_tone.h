// Colours of one pixel, red, green and blue; the formulas of Keras 3 (rgb_to_hsv, hsv_to_rgb,
// rgb_to_grayscale).
#pragma once

#include <cstdint>

#include "math/fn.h"
#include "math/image_color_kind.h"

namespace densor::math {

struct Rgb {
  float red, green, blue;
};

// The nearest number of [low, high]; low for what is no number.
DENSOR_FN float within(float v, float low, float high) { return v > low ? (v < high ? v : high) : low; }

// Weights of ITU-R BT.601.
DENSOR_FN float luma(const Rgb& c) { return 0.2989f * c.red + 0.587f * c.green + 0.114f * c.blue; }

// The share that a channel has in the colour of a hue, 0 to 6.
DENSOR_FN float hue_share(float distance, float sign, float offset) {
  return within(sign * (distance < 0.0f ? -distance : distance) + offset, 0.0f, 1.0f);
}

// A pixel of [0, 1] with its hue turned by a share of the circle in [-1, 1], and its saturation multiplied.
DENSOR_FN Rgb recolored(const Rgb& c, float turn, float saturation) {
  const float top = c.red > c.green ? (c.red > c.blue ? c.red : c.blue) : c.green > c.blue ? c.green : c.blue;
  const float least = c.red < c.green    ? (c.red < c.blue ? c.red : c.blue)
                      : c.green < c.blue ? c.green
                                         : c.blue;
  const float range = top - least;
  const float norm = 1.0f / (6.0f * (range > 0.0f ? range : 1.0f));
  float hue = top == c.red     ? norm * (c.green - c.blue)
              : top == c.green ? norm * (c.blue - c.red) + 2.0f / 6.0f
                               : norm * (c.red - c.green) + 4.0f / 6.0f;
  if (!(range > 0.0f)) hue = 0.0f;
  if (hue < 0.0f) hue += 1.0f;
  hue += turn;
  if (hue > 1.0f) hue -= 1.0f;
  if (hue < 0.0f) hue += 1.0f;
  const float s = within((top > 0.0f ? range / top : 0.0f) * saturation, 0.0f, 1.0f);
  const float six = (hue >= 1.0f ? 0.0f : hue) * 6.0f;
  const float red = hue_share(six - 3.0f, 1.0f, -1.0f);
  const float green = hue_share(six - 2.0f, -1.0f, 2.0f), blue = hue_share(six - 4.0f, -1.0f, 2.0f);
  return {top * (1.0f - s + s * red), top * (1.0f - s + s * green), top * (1.0f - s + s * blue)};
}

// v of [0, 255] with only its first bits, 1 to 8 of them.
DENSOR_FN float posterized(float v, float bits) {
  const auto whole = static_cast<std::int32_t>(within(v, 0.0f, 255.0f));
  const int lost = 8 - static_cast<int>(within(bits, 1.0f, 8.0f));
  return static_cast<float>(whole >> lost << lost);
}

// From the range of the values to [0, 255] and back.
struct ByteScale {
  float low, range;

  DENSOR_MEMBER bool is_same() const { return low == 0.0f && range == 255.0f; }
  DENSOR_MEMBER float to(float v) const { return is_same() ? v : (v - low) / range * 255.0f; }
  DENSOR_MEMBER float from(float v) const { return is_same() ? v : v / 255.0f * range + low; }
};

// v on its way to `gray`: the whole way where share is 1.
DENSOR_FN float towards(float v, float goal, float share) {
  return share == 1.0f ? goal : v + share * (goal - v);
}

DENSOR_FN float solarized(float v, float share, float threshold, float low, float high) {
  const float range = high - low, added = within(v + share * range, low, high);
  return added < low + threshold * range ? added : high - (added - low);
}

// From the smallest and largest value, as bytes, to those of the range; of one value: as it is.
DENSOR_FN float stretched(float v, float least, float most, float share, const ByteScale& bytes) {
  if (!(most > least)) return v;
  const float scale = 255.0f / (most - least), offset = -least * scale;
  return towards(v, bytes.from(within(bytes.to(v) * scale + offset, 0.0f, 255.0f)), share);
}

DENSOR_FN std::int64_t bin_of(float v, std::int64_t bins) {
  return static_cast<std::int64_t>(within(v, 0.0f, static_cast<float>(bins - 1)));
}

// The bins of values that are to be equalized.
DENSOR_FN std::int64_t bins_of(float wanted) {
  return static_cast<std::int64_t>(within(wanted, 2.0f, float{kMostImageBins}));
}

// What the values of a bin become, rounded to even: `sum` values lie in it or below, `first` in the lowest
// bin that has any, `rest` in all others.
DENSOR_FN float equalized(std::int64_t sum, std::int64_t first, float rest) {
  const float share = static_cast<float>((sum - first) * 255) / (rest == 0.0f ? 1.0f : rest);
  return within(share + 0x1.8p23f - 0x1.8p23f, 0.0f, 255.0f);
}

}  // namespace densor::math
