// Whether each row's prediction is right, a warp a row. Reads 4 bytes an element (8 where the target is no
// label).
#pragma once

#include "cuda/device/argmax.cuh"
#include "cuda/device/phase.cuh"

namespace densor::cuda {

// A label outside [0, cols) is never right.
struct AccuracySparse {
  static constexpr PhaseKind kKind = PhaseKind::accuracy_sparse;
  float* correct;
  const float* x;
  const std::int32_t* label;
  std::int64_t rows, cols;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t i = at.first_warp_item(); i < rows; i += at.warp_item_stride()) {
      const std::int64_t predicted = argmax<WarpTeam>(x + i * cols, cols);
      if (lane_index() == 0) correct[i] = predicted == label[i] ? 1.0f : 0.0f;
    }
  }
};

struct AccuracyCategorical {
  static constexpr PhaseKind kKind = PhaseKind::accuracy_categorical;
  float* correct;
  const float *x, *target;
  std::int64_t rows, cols;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t i = at.first_warp_item(); i < rows; i += at.warp_item_stride()) {
      const bool right = argmax<WarpTeam>(x + i * cols, cols) == argmax<WarpTeam>(target + i * cols, cols);
      if (lane_index() == 0) correct[i] = right ? 1.0f : 0.0f;
    }
  }
};

struct AccuracyBinary {
  static constexpr PhaseKind kKind = PhaseKind::accuracy_binary;
  float* correct;
  const float *x, *target;
  std::int64_t rows, cols;
  float threshold;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t i = at.first_warp_item(); i < rows; i += at.warp_item_stride()) {
      int right = 0;
      for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
        const float decided = x[i * cols + j] > threshold ? 1.0f : 0.0f;
        right += decided == target[i * cols + j] ? 1 : 0;
      }
      right = warp_sum(right);
      if (lane_index() == 0) correct[i] = static_cast<float>(right) / static_cast<float>(cols);
    }
  }
};

}  // namespace densor::cuda
