// sum[j] = sum of x(i, j) over the batch's rows; 4 bytes an element. Rows are cut into parts by their number
// alone; a block sums one part of 32 columns, its eight warps every eighth row each, and the parts are added
// in order.
#pragma once

#include "cuda/device/columns.cuh"
#include "cuda/device/half.cuh"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

// T: of x.
template <class T>
struct ColumnSum {
  static constexpr PhaseKind kKind = sizeof(T) == sizeof(float) ? PhaseKind::column_sum : PhaseKind::none;
  float* part_sums;
  const T* x;
  std::int64_t rows, cols;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const std::int64_t there = rows_of(batch, rows);
    const ColumnTile tile(at, there, cols, part_rows(there));
    float sum[1] = {};
    for (std::int64_t i = tile.begin + tile.warp; i < tile.end; i += kTileWarps)
      sum[0] += to_float(x[i * cols + tile.column]);
    add_warps(tile, sum);
    if (tile.first()) part_sums[tile.part * cols + tile.column] = sum[0];
  }
};

}  // namespace densor::cuda
