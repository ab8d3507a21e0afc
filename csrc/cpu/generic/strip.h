// Strips: some columns of a matrix of float32 or bfloat16 numbers, over all of its rows.
#pragma once

#include "cpu/generic/bf16.h"

namespace densor::cpu {
namespace {

// `Count` vectors of columns side by side; the last one has `last` lanes.
template <int Count>
struct Strip {
  static constexpr int kCount = Count;
  int last;

  bool whole(int c) const { return c + 1 < Count || last == kLanes; }
  // Vector c of the row at p; lanes behind the last column are zero.
  template <class T>
  [[gnu::always_inline]] Vec load(const T* p, int c) const {
    return load_lanes(p + c * kLanes, whole(c) ? kLanes : last);
  }
  // The same, or `otherwise` for an array that is absent.
  Vec load_or(const float* p, std::int64_t column, int c, float otherwise) const {
    return p != nullptr ? load(p + column, c) : Vec(otherwise);
  }
  template <class T>
  [[gnu::always_inline]] void store(T* p, int c, Vec v) const {
    round_lanes(p + c * kLanes, whole(c) ? kLanes : last, v);
  }
};

// f(strip, first column) for strips of `Wide` vectors, then of one.
template <int Wide, class F>
void each_strip(std::int64_t cols, F f) {
  std::int64_t j = 0;
  if constexpr (Wide > 1)
    for (; j + Wide * kLanes <= cols; j += Wide * kLanes) f(Strip<Wide>{kLanes}, j);
  for (; j < cols; j += kLanes) f(Strip<1>{cols - j < kLanes ? static_cast<int>(cols - j) : kLanes}, j);
}

}  // namespace
}  // namespace densor::cpu
