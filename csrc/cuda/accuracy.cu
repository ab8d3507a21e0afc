// Whether each row's prediction is right, a warp a row. Reads 4 bytes an element (8 where the target is no
// label).
#include "cuda/device/reduce.cuh"

#include "cuda/table.h"
#include "math/exp.h"

namespace densor::cuda {

namespace {

// The first NaN of a row if there is one, else its first maximum, as in NumPy.
__device__ std::int64_t argmax(const float* x, std::int64_t cols) {
  const auto before = [](float a, std::int64_t i, float b, std::int64_t j) {
    const bool a_nan = a != a, b_nan = b != b;
    if (a_nan != b_nan) return a_nan;
    return a > b || (!(a < b) && i < j);
  };
  float peak = -math::kInfinity;
  std::int64_t at = cols;
  for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
    if (before(x[j], j, peak, at)) peak = x[j], at = j;
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, peak, distance);
    const std::int64_t other_at = __shfl_xor_sync(kAllLanes, at, distance);
    if (before(other, other_at, peak, at)) peak = other, at = other_at;
  }
  return at;
}

// A label outside [0, cols) is never right.
__global__ void sparse_kernel(float* correct, const float* x, const std::int32_t* label, std::int64_t rows,
                              std::int64_t cols) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const std::int64_t predicted = argmax(x + i * cols, cols);
    if (lane_index() == 0) correct[i] = predicted == label[i] ? 1.0f : 0.0f;
  }
}

__global__ void categorical_kernel(float* correct, const float* x, const float* target, std::int64_t rows,
                                   std::int64_t cols) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const bool right = argmax(x + i * cols, cols) == argmax(target + i * cols, cols);
    if (lane_index() == 0) correct[i] = right ? 1.0f : 0.0f;
  }
}

__global__ void binary_kernel(float* correct, const float* x, const float* target, std::int64_t rows,
                              std::int64_t cols, float threshold) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    int right = 0;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
      const float decided = x[i * cols + j] > threshold ? 1.0f : 0.0f;
      right += decided == target[i * cols + j] ? 1 : 0;
    }
    right = warp_sum(right);
    if (lane_index() == 0) correct[i] = static_cast<float>(right) / static_cast<float>(cols);
  }
}

void sparse(const Queue& queue, float* correct, const float* x, const std::int32_t* label, std::int64_t rows,
            std::int64_t cols) {
  launch(queue, sparse_kernel, blocks_for_rows(rows), kThreads, 0, correct, x, label, rows, cols);
}

void categorical(const Queue& queue, float* correct, const float* x, const float* target, std::int64_t rows,
                 std::int64_t cols) {
  launch(queue, categorical_kernel, blocks_for_rows(rows), kThreads, 0, correct, x, target, rows, cols);
}

void binary(const Queue& queue, float* correct, const float* x, const float* target, std::int64_t rows,
            std::int64_t cols, float threshold) {
  launch(queue, binary_kernel, blocks_for_rows(rows), kThreads, 0, correct, x, target, rows, cols, threshold);
}

}  // namespace

void fill_accuracy(Launchers& table) {
  table.accuracy_sparse = sparse;
  table.accuracy_categorical = categorical;
  table.accuracy_binary = binary;
}

}  // namespace densor::cuda
