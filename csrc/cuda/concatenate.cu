// A matrix, or zeros, from or to columns of a wider one; 8 bytes an element.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void copy_matrix_kernel(float* y, const float* x, std::int64_t rows, std::int64_t cols,
                                   std::int64_t ldy, std::int64_t ldx) {
  for (std::int64_t i = first_row(); i < rows; i += row_stride())
    for (std::int64_t j = first_column(); j < cols; j += column_stride())
      y[i * ldy + j] = x == nullptr ? 0.0f : x[i * ldx + j];
}

void copy_matrix(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols,
                 std::int64_t ldy, std::int64_t ldx) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, copy_matrix_kernel, tiling.grid, tiling.block, 0, y, x, rows, cols, ldy, ldx);
}

}  // namespace

void fill_concatenate(Launchers& table) { table.copy_matrix = copy_matrix; }

}  // namespace densor::cuda
