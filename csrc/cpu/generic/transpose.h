// The axes of every row in another order. Reads 4 bytes an element, writes 4; where the last axis moves,
// squares of 16 x 16 are walked so that both sides use whole cache lines.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kSquare = 16;

// y (n, m) = x by its strides.
inline void transpose_plane(float* y, const float* x, std::int64_t n, std::int64_t m, std::int64_t stride_n,
                            std::int64_t stride_m) {
  for (std::int64_t i0 = 0; i0 < n; i0 += kSquare)
    for (std::int64_t j0 = 0; j0 < m; j0 += kSquare) {
      const std::int64_t i1 = n - i0 < kSquare ? n : i0 + kSquare, j1 = m - j0 < kSquare ? m : j0 + kSquare;
      for (std::int64_t i = i0; i < i1; ++i)
        for (std::int64_t j = j0; j < j1; ++j) y[i * m + j] = x[i * stride_n + j * stride_m];
    }
}

// One row: planes of the last two axes, the others counted up like an odometer.
inline void transpose_row(float* y, const float* x, const AxisOrder& order) {
  const int outer = order.count - 2;
  const std::int64_t n = order.size[outer], m = order.size[outer + 1];
  std::int64_t at[kMaxAxes] = {}, offset = 0;
  for (;;) {
    transpose_plane(y, x + offset, n, m, order.stride[outer], order.stride[outer + 1]);
    y += n * m;
    int axis = outer - 1;
    for (; axis >= 0; --axis) {
      offset += order.stride[axis];
      if (++at[axis] < order.size[axis]) break;
      offset -= order.size[axis] * order.stride[axis];
      at[axis] = 0;
    }
    if (axis < 0) return;
  }
}

void transpose(float* y, const float* x, std::int64_t rows, const AxisOrder& order) {
  std::int64_t size = 1;
  for (int axis = 0; axis < order.count; ++axis) size *= order.size[axis];
  if (size == 0) return;
  for (std::int64_t i = 0; i < rows; ++i) transpose_row(y + i * size, x + i * size, order);
}

void fill_transpose(Kernels& k) { k.transpose = transpose; }

}  // namespace
}  // namespace densor::cpu
