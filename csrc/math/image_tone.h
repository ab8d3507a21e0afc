// Colours of one pixel, red, green and blue; the formulas of Keras 3 (rgb_to_hsv, hsv_to_rgb,
// rgb_to_grayscale).
#pragma once

#include <cstdint>

#include "math/fn.h"

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

}  // namespace densor::math
