// sum[j] = sum of x(i, j) over the rows; 4 bytes an element. Rows are cut into parts by their number alone; a
// block sums one part of 32 columns, its eight warps every eighth row each, and the parts are added in order.
#include "cuda/device/columns.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void column_sum_kernel(float* part_sums, const float* x, std::int64_t rows, std::int64_t cols,
                                  std::int64_t part_rows) {
  const ColumnTile tile(rows, cols, part_rows);
  float sum[1] = {};
  for (std::int64_t i = tile.begin + tile.warp; i < tile.end; i += kTileWarps)
    sum[0] += x[i * cols + tile.column];
  add_warps(tile, sum);
  if (tile.first()) part_sums[tile.part * cols + tile.column] = sum[0];
}

void column_sum(const Queue& queue, float* sum, const float* x, std::int64_t rows, std::int64_t cols) {
  if (cols == 0) return;
  const std::int64_t parts = column_parts(rows);
  float* part_sums = parts > 1 ? queue.scratch : sum;
  launch(queue, column_sum_kernel, tile_blocks(cols, parts), tile_threads(), 0, part_sums, x, rows, cols,
         divide_up(rows, parts));
  if (parts > 1)
    launch(queue, add_parts_kernel<float>, blocks_for(cols), kThreads, 0, sum, part_sums, parts, cols);
}

}  // namespace

void fill_column_sum(Launchers& table) { table.column_sum = column_sum; }

}  // namespace densor::cuda
