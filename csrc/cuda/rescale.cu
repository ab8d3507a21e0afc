// y = x scale + offset, one rounding each; 8 bytes an element.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void rescale_kernel(float* y, const float* x, std::int64_t n, float scale, float offset) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = x[i] * scale + offset;
}

void rescale(const Queue& queue, float* y, const float* x, std::int64_t n, float scale, float offset) {
  launch(queue, rescale_kernel, blocks_for(n), kThreads, 0, y, x, n, scale, offset);
}

}  // namespace

void fill_rescale(Launchers& table) { table.rescale = rescale; }

}  // namespace densor::cuda
