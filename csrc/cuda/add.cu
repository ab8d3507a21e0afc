// y = a + b; 12 bytes an element.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void add_kernel(float* y, const float* a, const float* b, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = a[i] + b[i];
}

void add(const Queue& queue, float* y, const float* a, const float* b, std::int64_t n) {
  launch(queue, add_kernel, blocks_for(n), kThreads, 0, y, a, b, n);
}

}  // namespace

void fill_add(Launchers& table) { table.add = add; }

}  // namespace densor::cuda
