// float32 rounded to bfloat16 (math/bf16_split.h), and back; 6 bytes an element.
#include "cuda/device/half.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void narrow_kernel(std::uint16_t* y, const float* x, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = to_half(x[i]);
}

__global__ void widen_kernel(float* y, const std::uint16_t* x, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = to_float(x[i]);
}

void narrow(const Queue& queue, std::uint16_t* y, const float* x, std::int64_t n) {
  launch(queue, narrow_kernel, blocks_for(n), kThreads, 0, y, x, n);
}

void widen(const Queue& queue, float* y, const std::uint16_t* x, std::int64_t n) {
  launch(queue, widen_kernel, blocks_for(n), kThreads, 0, y, x, n);
}

}  // namespace

void fill_cast(Launchers& table) {
  table.narrow = narrow;
  table.widen = widen;
}

}  // namespace densor::cuda
