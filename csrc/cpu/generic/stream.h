// A plain pass over arrays: what one that does more can reach at most. Reads 4 bytes an element of each
// array, writes 4 or none.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

template <int Reads, bool Writes>
float stream_arrays(float* y, const float* const* x, std::int64_t n) {
  constexpr int kAhead = 4;
  Vec total[kAhead] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  const auto sum_at = [&](std::int64_t i) {
    Vec sum = Vec::load(x[0] + i);
    for (int r = 1; r < Reads; ++r) sum = sum + Vec::load(x[r] + i);
    return sum;
  };
  std::int64_t i = 0;
  for (; i + kAhead * kLanes <= n; i += kAhead * kLanes)
    for (int a = 0; a < kAhead; ++a) {
      const Vec sum = sum_at(i + a * kLanes);
      if constexpr (Writes)
        sum.store(y + i + a * kLanes);
      else
        total[a] = total[a] + sum;
    }
  for (; i < n; ++i) {
    float sum = 0.0f;
    for (int r = 0; r < Reads; ++r) sum += x[r][i];
    if constexpr (Writes)
      y[i] = sum;
    else
      total[0] = total[0] + Vec(sum);
  }
  return sum_lanes((total[0] + total[1]) + (total[2] + total[3]));
}

template <bool Writes>
float stream_some(float* y, const float* const* x, int count, std::int64_t n) {
  switch (count) {
    case 1:
      return stream_arrays<1, Writes>(y, x, n);
    case 2:
      return stream_arrays<2, Writes>(y, x, n);
    case 3:
      return stream_arrays<3, Writes>(y, x, n);
    default:
      return stream_arrays<4, Writes>(y, x, n);
  }
}

float stream(float* y, const float* const* x, int count, std::int64_t n) {
  return y != nullptr ? stream_some<true>(y, x, count, n) : stream_some<false>(y, x, count, n);
}

void fill_stream(Kernels& k) { k.stream = stream; }

}  // namespace
}  // namespace densor::cpu
