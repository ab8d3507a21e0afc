// Sixteen lanes to one number, by the same tree on every target: lane i with i + 8, then + 4, + 2, + 1.
#pragma once

namespace densor::cpu {
namespace {

inline float sum_lanes(Vec v) {
  alignas(64) float lane[kLanes];
  v.store(lane);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

// NaN where the tree meets one as its second operand only: not a test for NaN.
inline float max_lanes(Vec v) {
  alignas(64) float lane[kLanes];
  v.store(lane);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
  return lane[0];
}

// Lanes [0, n) of v, the others `fill`.
inline Vec first_lanes(Vec v, int n, float fill) {
  return select(mask_from_bits((1u << n) - 1u), v, Vec(fill));
}

}  // namespace
}  // namespace densor::cpu
