// Walks a row vector by vector.
#pragma once

namespace densor::cpu {
namespace {

// f(j, n, load) for the vectors of a row: columns [j, j + n), n = 16 but for the last one. load(p, n) reads n
// lanes and has zeros in the others.
template <class F>
void each_vector(std::int64_t cols, F f) {
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) f(j, kLanes, [](const float* p, int) { return Vec::load(p); });
  if (j < cols) f(j, static_cast<int>(cols - j), [](const float* p, int n) { return Vec::load_first(p, n); });
}

inline void store_lanes(float* to, int n, Vec v) {
  if (n == kLanes)
    v.store(to);
  else
    v.store_first(to, n);
}

inline Mask lanes_below(int n) { return mask_from_bits((1u << n) - 1u); }

}  // namespace
}  // namespace densor::cpu
