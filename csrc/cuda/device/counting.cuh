// Elements of a matrix that are to be counted, and the first of them: every block leaves a count and a place.
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

struct Earlier {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a < b ? a : b; }
};

template <class T, class Counts>
__global__ void counting_kernel(BlockCount* blocks, const char* data, std::int64_t rows, std::int64_t cols,
                                std::int64_t stride, Counts counts) {
  DENSOR_SHARED(BlockCount[kThreads / kWarpSize], warps);
  BlockCount own{0, kNoPlace};
  for (std::int64_t i = first_row(); i < rows; i += row_stride()) {
    const T* x = reinterpret_cast<const T*>(data + i * stride);
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) {
      if (!counts(x[j])) continue;
      ++own.count;
      own.first = Earlier{}(own.first, i * cols + j);
    }
  }
  own = {warp_sum(own.count), warp_reduce(own.first, Earlier{})};
  const auto thread = threadIdx.y * blockDim.x + threadIdx.x;
  if (thread % kWarpSize == 0) warps[thread / kWarpSize] = own;
  __syncthreads();
  if (thread != 0) return;
  for (int w = 1; w < kThreads / kWarpSize; ++w)
    own = {own.count + warps[w].count, Earlier{}(own.first, warps[w].first)};
  blocks[blockIdx.y * gridDim.x + blockIdx.x] = own;
}

// `counts(value)` says whether a value of type T is counted.
template <class T, class Counts>
void launch_counting(const Queue& queue, BlockCount* blocks, const void* data, std::int64_t rows,
                     std::int64_t cols, std::int64_t stride, Counts counts) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, counting_kernel<T, Counts>, tiling.grid, tiling.block, 0, blocks,
         static_cast<const char*>(data), rows, cols, stride, counts);
}

}  // namespace densor::cuda
