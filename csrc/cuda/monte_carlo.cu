// Mean, deviation and entropy over samples of a model's outputs; accumulate moves 20 bytes an element.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/monte_carlo.h"

namespace densor::cuda {

namespace {

__global__ void accumulate_kernel(float* mean, float* squares, const float* x, std::int64_t n,
                                  const Batch* batch) {
  const std::int64_t index = batch->repeat;
  const float share = 1.0f / static_cast<float>(index + 1);
  for (std::int64_t i = first_item(); i < n; i += item_stride()) {
    float center = index > 0 ? mean[i] : 0.0f, sum = index > 0 ? squares[i] : 0.0f;
    math::add_sample(center, sum, x[i], share);
    mean[i] = center;
    squares[i] = sum;
  }
}

__global__ void deviation_kernel(float* deviation, const float* squares, std::int64_t n, float samples) {
  for (std::int64_t i = first_item(); i < n; i += item_stride())
    deviation[i] = math::sqrt(squares[i] / samples);
}

// A warp a row.
__global__ void entropy_kernel(float* entropy, const float* p, std::int64_t rows, std::int64_t cols,
                               bool independent) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    float sum = 0.0f;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
      const float q = p[i * cols + j];
      sum += math::surprise(q);
      if (independent) sum += math::surprise(1.0f - q);
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) entropy[i] = sum;
  }
}

void accumulate(const Queue& queue, float* mean, float* squares, const float* x, std::int64_t n) {
  launch(queue, accumulate_kernel, blocks_for(n), kThreads, 0, mean, squares, x, n, queue.batch);
}

void deviation(const Queue& queue, float* deviation, const float* squares, std::int64_t n,
               std::int64_t samples) {
  launch(queue, deviation_kernel, blocks_for(n), kThreads, 0, deviation, squares, n,
         static_cast<float>(samples));
}

void entropy(const Queue& queue, float* entropy, const float* p, std::int64_t rows, std::int64_t cols,
             bool independent) {
  launch(queue, entropy_kernel, blocks_for_rows(rows), kThreads, 0, entropy, p, rows, cols, independent);
}

}  // namespace

void fill_monte_carlo(Launchers& table) {
  table.monte_carlo_accumulate = accumulate;
  table.monte_carlo_deviation = deviation;
  table.monte_carlo_entropy = entropy;
}

}  // namespace densor::cuda
