// Shapes of launches, and which part of the work a thread has.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

inline constexpr int kThreads = 256;  // of a block, where nothing else is said
inline constexpr int kWarpSize = 32;
inline constexpr unsigned kMostBlocks = 1056;  // eight for each of the largest device's multiprocessors

constexpr std::int64_t divide_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit; }

// Blocks for `n` items, `each` to a block, whose kernel walks the items in strides of the grid.
inline dim3 blocks_for(std::int64_t n, std::int64_t each = kThreads) {
  const std::int64_t wanted = divide_up(n, each);
  return dim3(static_cast<unsigned>(wanted < 1 ? 1 : wanted < kMostBlocks ? wanted : kMostBlocks));
}

// for (i = first_item(); i < n; i += item_stride())
__device__ __forceinline__ std::int64_t first_item() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ std::int64_t item_stride() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

// The same for items that a whole warp works on: rows.
__device__ __forceinline__ std::int64_t first_warp_item() { return first_item() / kWarpSize; }
__device__ __forceinline__ std::int64_t warp_item_stride() { return item_stride() / kWarpSize; }
__device__ __forceinline__ int lane_index() { return static_cast<int>(threadIdx.x % kWarpSize); }
inline dim3 blocks_for_rows(std::int64_t rows) { return blocks_for(rows, kThreads / kWarpSize); }

// Matrices: up to 32 columns side by side in a warp, whole warps below one another.
// for (i = first_row(); i < rows; i += row_stride())
//   for (j = first_column(); j < cols; j += column_stride())
struct Tiling {
  dim3 grid, block;
};

inline Tiling tiling_for(std::int64_t rows, std::int64_t cols, unsigned threads = kThreads) {
  unsigned width = 1;
  while (width < kWarpSize && width < cols) width *= 2;
  const dim3 block(width, threads / width);
  const dim3 across = blocks_for(cols, block.x), down = blocks_for(rows, block.y);
  const unsigned most = kMostBlocks / across.x;
  return {dim3(across.x, down.x < most ? down.x : most), block};
}

// A grid for `n` items in each of `rows` images: images along y, first_item() and item_stride() within one.
inline dim3 image_grid(std::int64_t rows, std::int64_t n) {
  const dim3 across = blocks_for(n), down = blocks_for(rows, 1);
  const unsigned most = kMostBlocks / across.x;
  return dim3(across.x, down.x < most ? down.x : most);
}

__device__ __forceinline__ std::int64_t first_column() { return first_item(); }
__device__ __forceinline__ std::int64_t column_stride() { return item_stride(); }
__device__ __forceinline__ std::int64_t first_row() {
  return static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
}
__device__ __forceinline__ std::int64_t row_stride() {
  return static_cast<std::int64_t>(gridDim.y) * blockDim.y;
}

}  // namespace densor::cuda
