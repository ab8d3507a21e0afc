// y = exp(x - max) / sum of it, and dx = y (dy - sum of dy y), each row by itself, a warp a row; 8 and 12
// bytes an element where a row fits the L1 cache, of bfloat16 numbers half of that. Exponentials that y would
// round are computed twice.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/table.h"
#include "math/exp.h"

namespace densor::cuda {

namespace {

template <class T>
__global__ void forward_kernel(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  constexpr bool kKept = sizeof(T) == sizeof(float);
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const T* in = x + i * cols;
    T* out = y + i * cols;
    float largest = -math::kInfinity;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
      largest = Largest{}(to_float(in[j]), largest);
    largest = warp_max(largest);
    float sum = 0.0f;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
      const float e = math::exp(to_float(in[j]) - largest);
      if constexpr (kKept) out[j] = e;
      sum += e;
    }
    const float inverse = 1.0f / warp_sum(sum);
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize) {
      if constexpr (kKept)
        out[j] *= inverse;
      else
        put(out + j, math::exp(to_float(in[j]) - largest) * inverse);
    }
  }
}

template <class T>
__global__ void backward_kernel(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = first_warp_item(); i < rows; i += warp_item_stride()) {
    const std::int64_t row = i * cols;
    float sum = 0.0f;
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
      sum = math::fma(to_float(dy[row + j]), to_float(y[row + j]), sum);
    sum = warp_sum(sum);
    for (std::int64_t j = lane_index(); j < cols; j += kWarpSize)
      put(dx + row + j, to_float(y[row + j]) * (to_float(dy[row + j]) - sum));
  }
}

template <class T>
void forward(const Queue& queue, T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  launch(queue, forward_kernel<T>, blocks_for_rows(rows), kThreads, 0, y, x, rows, cols);
}

template <class T>
void backward(const Queue& queue, T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  launch(queue, backward_kernel<T>, blocks_for_rows(rows), kThreads, 0, dx, dy, y, rows, cols);
}

}  // namespace

void fill_softmax(Launchers& table) {
  table.softmax = {forward<float>, backward<float>};
  table.softmax_of_halves = {forward<Half>, backward<Half>};
}

}  // namespace densor::cuda
