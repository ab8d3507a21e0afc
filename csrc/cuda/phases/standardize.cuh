// y = (x - mean) / deviation of each column, or back; 8 bytes an element.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/phase.cuh"

namespace densor::cuda {

struct Standardize {
  static constexpr PhaseKind kKind = PhaseKind::standardize;
  static constexpr int kTogether = 1;
  float* y;
  const float *x, *mean, *variance;
  std::int64_t rows, cols;
  float epsilon;
  bool invert;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t j = at.first_item(); j < cols; j += at.item_stride()) {
      const float center = mean != nullptr ? mean[j] : 0.0f;
      const float deviation = math::max(math::sqrt(variance[j]), epsilon);
      for (std::int64_t i = at.first_row(); i < rows; i += at.row_stride()) {
        const float from = x[i * cols + j];
        y[i * cols + j] = invert ? math::fma(from, deviation, center) : (from - center) / deviation;
      }
    }
  }
};

}  // namespace densor::cuda
