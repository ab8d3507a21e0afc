// A matrix, or zeros, from or to columns of a wider one; 8 bytes an element.
#pragma once

#include "cuda/device/phase.cuh"

namespace densor::cuda {

struct CopyMatrix {
  static constexpr PhaseKind kKind = PhaseKind::copy_matrix;
  float* y;
  const float* x;
  std::int64_t rows, cols, ldy, ldx;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t i = at.first_row(); i < rows; i += at.row_stride())
      for (std::int64_t j = at.first_item(); j < cols; j += at.item_stride())
        y[i * ldy + j] = x == nullptr ? 0.0f : x[i * ldx + j];
  }
};

}  // namespace densor::cuda
