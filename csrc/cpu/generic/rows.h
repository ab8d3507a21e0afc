// Walks a row vector by vector.
#pragma once

#include "cpu/generic/bf16.h"

namespace densor::cpu {
namespace {

// f(j, n, load) for the vectors of a row: columns [j, j + n), n = 16 but for the last one. load(p, n) reads n
// lanes and has zeros in the others.
template <class F>
void each_vector(std::int64_t cols, F f) {
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes)
    f(j, kLanes, [](const auto* p, int) { return load_lanes(p, kLanes); });
  if (j < cols) f(j, static_cast<int>(cols - j), [](const auto* p, int n) { return load_lanes(p, n); });
}

inline Mask lanes_below(int n) { return mask_from_bits((1u << n) - 1u); }

}  // namespace
}  // namespace densor::cpu
