// Work on the columns of a matrix: a block has 32 of them and a part of the rows, which its eight warps
// share. What the warps find is put together in their order, and so is what the parts find.
#pragma once

#include "cuda/device/grid.cuh"

namespace densor::cuda {

inline constexpr int kTileColumns = kWarpSize, kTileWarps = 8;

inline dim3 tile_threads() { return dim3(kTileColumns, kTileWarps); }
inline dim3 tile_blocks(std::int64_t cols, std::int64_t parts) {
  return dim3(static_cast<unsigned>(divide_up(cols, kTileColumns)), static_cast<unsigned>(parts));
}

// The place of a thread: blocks along y are the parts, unless a block has all rows. Behind the last column it
// works on that one too, and stores nothing.
struct ColumnTile {
  int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  std::int64_t part, column, begin, end;
  bool inside;

  __device__ ColumnTile(std::int64_t rows, std::int64_t cols) : ColumnTile(rows, cols, rows, 0) {}
  __device__ ColumnTile(std::int64_t rows, std::int64_t cols, std::int64_t part_rows)
      : ColumnTile(rows, cols, part_rows, blockIdx.y) {}
  // The thread that stores what holds for its column in this part.
  __device__ bool first() const { return warp == 0 && inside; }

 private:
  __device__ ColumnTile(std::int64_t rows, std::int64_t cols, std::int64_t part_rows, std::int64_t part_)
      : part(part_) {
    column = static_cast<std::int64_t>(blockIdx.x) * kTileColumns + lane;
    inside = column < cols;
    if (!inside) column = cols - 1;
    begin = part * part_rows;
    end = begin + part_rows < rows ? begin + part_rows : rows;
  }
};

// Sums over the warps for the column of each thread; all threads of the block must come here.
template <int N>
__device__ __forceinline__ void add_warps(const ColumnTile& tile, float (&sum)[N]) {
  __shared__ float sums[N][kTileWarps][kTileColumns];
#pragma unroll
  for (int k = 0; k < N; ++k) sums[k][tile.warp][tile.lane] = sum[k];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < N; ++k) {
    sum[k] = sums[k][0][tile.lane];
    for (int w = 1; w < kTileWarps; ++w) sum[k] += sums[k][w][tile.lane];
  }
  __syncthreads();  // the next call writes there
}

// sum[j] = sum over the parts, (count, cols), in their order.
template <class T>
__global__ void add_parts_kernel(T* sum, const T* parts, std::int64_t count, std::int64_t cols) {
  for (std::int64_t j = first_item(); j < cols; j += item_stride()) {
    T total = 0;
    for (std::int64_t part = 0; part < count; ++part) total += parts[part * cols + j];
    sum[j] = total;
  }
}

// Rows that a thread loads before it stores anything, so that they are on their way together.
inline constexpr int kRowsAhead = 4;

// f(i) for the first of every kRowsAhead rows of a thread: i, i + kTileWarps, ..., as far as they are below
// tile.end.
template <class F>
__device__ __forceinline__ void each_rows(const ColumnTile& tile, F f) {
  for (std::int64_t i = tile.begin + tile.warp; i < tile.end; i += kRowsAhead * kTileWarps) f(i);
}

}  // namespace densor::cuda
