// Sums over rows, which give the gradients of biases and of whatever else is one value for a whole column.
// Reads an element once, of 4 bytes or, of bfloat16, 2.
#pragma once

#include "cpu/generic/bf16.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kSumRows = 64;

// `Count` vectors of columns; the last one has `last` lanes.
template <int Count, class T>
void sum_columns(float* sum, const T* x, std::int64_t rows, std::int64_t ldx, int last) {
  const auto load = [last](const T* p, int c) {
    return load_lanes(p + c * kLanes, c + 1 < Count ? kLanes : last);
  };
  Vec total[Count];
  for (Vec& t : total) t = Vec(0.0f);
  for (std::int64_t begin = 0; begin < rows; begin += kSumRows) {
    const std::int64_t end = begin + kSumRows < rows ? begin + kSumRows : rows;
    Vec chain[Count];
    for (int c = 0; c < Count; ++c) chain[c] = load(x + begin * ldx, c);
    for (std::int64_t i = begin + 1; i < end; ++i)
      for (int c = 0; c < Count; ++c) chain[c] = chain[c] + load(x + i * ldx, c);
    for (int c = 0; c < Count; ++c) total[c] = total[c] + chain[c];
  }
  for (int c = 0; c < Count; ++c) store_lanes(sum + c * kLanes, c + 1 < Count ? kLanes : last, total[c]);
}

template <class T>
void column_sum(float* sum, const T* x, std::int64_t rows, std::int64_t cols, std::int64_t ldx) {
  constexpr int kCount = 4;
  std::int64_t j = 0;
  for (; j + kCount * kLanes <= cols; j += kCount * kLanes)
    sum_columns<kCount>(sum + j, x + j, rows, ldx, kLanes);
  for (; j < cols; j += kLanes)
    sum_columns<1>(sum + j, x + j, rows, ldx, cols - j < kLanes ? static_cast<int>(cols - j) : kLanes);
}

void fill_column_sum(Kernels& k) {
  k.column_sum = column_sum<float>;
  k.column_sum_of_halves = column_sum<std::uint16_t>;
}

}  // namespace
}  // namespace densor::cpu
