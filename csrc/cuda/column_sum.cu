// sum[j] = sum of x(i, j) over the rows; 4 bytes an element. Rows are cut into parts by their number alone; a
// block sums one part of 32 columns, its eight warps every eighth row each, and the parts are added in order.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr int kColumns = kWarpSize, kWarps = 8;

__global__ void column_sum_kernel(float* sum, const float* x, std::int64_t rows, std::int64_t cols,
                                  std::int64_t part_rows) {
  __shared__ float sums[kWarps][kColumns];
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  const std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kColumns + lane;
  const std::int64_t part = blockIdx.y, begin = part * part_rows;
  const std::int64_t end = begin + part_rows < rows ? begin + part_rows : rows;
  float total = 0.0f;
  if (j < cols)
    for (std::int64_t i = begin + warp; i < end; i += kWarps) total += x[i * cols + j];
  sums[warp][lane] = total;
  __syncthreads();
  if (warp != 0 || j >= cols) return;
  for (int w = 1; w < kWarps; ++w) total += sums[w][lane];
  sum[part * cols + j] = total;
}

__global__ void add_parts_kernel(float* sum, const float* parts, std::int64_t count, std::int64_t cols) {
  for (std::int64_t j = first_item(); j < cols; j += item_stride()) {
    float total = 0.0f;
    for (std::int64_t part = 0; part < count; ++part) total += parts[part * cols + j];
    sum[j] = total;
  }
}

void column_sum(const Queue& queue, float* sum, const float* x, std::int64_t rows, std::int64_t cols) {
  if (cols == 0) return;
  const std::int64_t parts = column_parts(rows);
  const dim3 grid(static_cast<unsigned>(divide_up(cols, kColumns)), static_cast<unsigned>(parts));
  float* partial = parts > 1 ? queue.scratch : sum;
  launch(queue, column_sum_kernel, grid, dim3(kColumns, kWarps), 0, partial, x, rows, cols,
         divide_up(rows, parts));
  if (parts > 1) launch(queue, add_parts_kernel, blocks_for(cols), kThreads, 0, sum, partial, parts, cols);
}

}  // namespace

void fill_column_sum(Launchers& table) { table.column_sum = column_sum; }

}  // namespace densor::cuda
