// y = exp(x - max) / sum of it, and dx = y (dy - sum of dy y), each row by itself, a warp a row; 8 and 12
// bytes an element where a row fits the L1 cache.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/exp.h"

namespace densor::cuda {

namespace {

__global__ void forward_kernel(float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const float* in = x + i * cols;
    float* out = y + i * cols;
    float largest = -math::kInfinity;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) largest = Largest{}(in[j], largest);
    largest = warp_max(largest);
    float sum = 0.0f;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
      const float e = math::exp(in[j] - largest);
      out[j] = e;
      sum += e;
    }
    const float inverse = 1.0f / warp_sum(sum);
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) out[j] *= inverse;
  }
}

__global__ void backward_kernel(float* dx, const float* dy, const float* y, std::int64_t rows,
                                std::int64_t cols) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const std::int64_t row = i * cols;
    float sum = 0.0f;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
      sum = math::fma(dy[row + j], y[row + j], sum);
    sum = warp_sum(sum);
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
      dx[row + j] = y[row + j] * (dy[row + j] - sum);
  }
}

void forward(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  launch(queue, forward_kernel, blocks_for_rows(rows), kThreads, 0, y, x, rows, cols);
}

void backward(const Queue& queue, float* dx, const float* dy, const float* y, std::int64_t rows,
              std::int64_t cols) {
  launch(queue, backward_kernel, blocks_for_rows(rows), kThreads, 0, dx, dy, y, rows, cols);
}

}  // namespace

void fill_softmax(Launchers& table) {
  table.softmax_forward = forward;
  table.softmax_backward = backward;
}

}  // namespace densor::cuda
