// Work on the columns of a matrix: a block has 32 of them and a part of the rows, which its eight warps
// share. What the warps find is put together in their order, and so is what the parts find.
#pragma once

#include "cuda/device/phase.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

inline constexpr int kTileColumns = kWarpSize, kTileWarps = 8;

// Rows of each part of so many. Of a batch with fewer rows than its arrays the first parts have them all, as
// they would in arrays of its own.
__host__ __device__ constexpr std::int64_t part_rows(std::int64_t rows) {
  return divide_up(rows, column_parts(rows));
}

inline dim3 tile_threads() { return dim3(kTileColumns, kTileWarps); }
inline dim3 tile_blocks(std::int64_t cols, std::int64_t parts) {
  return dim3(static_cast<unsigned>(divide_up(cols, kTileColumns)), static_cast<unsigned>(parts));
}

// The place of a thread: blocks along y are the parts, unless a block has all rows. Behind the last column it
// works on that one too, and stores nothing.
struct ColumnTile {
  int lane, warp;
  std::int64_t part, column, begin, end;
  bool inside;

  __device__ ColumnTile(std::int64_t rows, std::int64_t cols) : ColumnTile(launched(), rows, cols) {}
  __device__ ColumnTile(std::int64_t rows, std::int64_t cols, std::int64_t part_rows)
      : ColumnTile(launched(), rows, cols, part_rows) {}
  __device__ ColumnTile(const Place& at, std::int64_t rows, std::int64_t cols)
      : ColumnTile(at, rows, cols, rows, 0) {}
  __device__ ColumnTile(const Place& at, std::int64_t rows, std::int64_t cols, std::int64_t part_rows)
      : ColumnTile(at, rows, cols, part_rows, at.block_y) {}
  // The thread that stores what holds for its column in this part.
  __device__ bool first() const { return warp == 0 && inside; }

 private:
  __device__ ColumnTile(const Place& at, std::int64_t rows, std::int64_t cols, std::int64_t part_rows,
                        std::int64_t part_)
      : lane(static_cast<int>(at.thread_x)), warp(static_cast<int>(at.thread_y)), part(part_) {
    column = static_cast<std::int64_t>(at.block_x) * kTileColumns + lane;
    inside = column < cols;
    if (!inside) column = cols - 1;
    begin = part * part_rows;
    end = begin + part_rows < rows ? begin + part_rows : rows;
  }
};

// Sums over the warps for the column of each thread; all threads of the block must come here.
template <int N>
__device__ __forceinline__ void add_warps(const ColumnTile& tile, float (&sum)[N]) {
  DENSOR_SHARED(float[N][kTileWarps][kTileColumns], sums);
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
struct AddParts {
  static constexpr PhaseKind kKind = sizeof(T) == sizeof(float) ? PhaseKind::add_parts : PhaseKind::none;
  T* sum;
  const T* parts;
  std::int64_t count, cols;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t j = at.first_item(); j < cols; j += at.item_stride()) {
      T total = 0;
      for (std::int64_t part = 0; part < count; ++part) total += parts[part * cols + j];
      sum[j] = total;
    }
  }
};

template <class T>
void add_parts(const Queue& queue, T* sum, const T* parts, std::int64_t count, std::int64_t cols) {
  launch_phase(queue, AddParts<T>{sum, parts, count, cols}, blocks_for(cols), kThreads,
               {span(parts, count * cols)}, {span(sum, cols)});
}

// Rows that a thread loads before it stores anything, so that they are on their way together.
inline constexpr int kRowsAhead = 4;

// f(i) for the first of every kRows rows of a thread: i, i + kTileWarps, ..., as far as they are below
// tile.end.
template <int kRows = kRowsAhead, class F>
__device__ __forceinline__ void each_rows(const ColumnTile& tile, F f) {
  for (std::int64_t i = tile.begin + tile.warp; i < tile.end; i += kRows * kTileWarps) f(i);
}

}  // namespace densor::cuda
