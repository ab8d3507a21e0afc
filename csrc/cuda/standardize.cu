// y = (x - mean) / deviation of each column, or back; 8 bytes an element.
#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void standardize_kernel(float* y, const float* x, const float* mean, const float* variance,
                                   std::int64_t rows, std::int64_t cols, float epsilon, bool invert) {
  for (std::int64_t j = first_column(); j < cols; j += column_stride()) {
    const float center = mean != nullptr ? mean[j] : 0.0f;
    const float deviation = math::max(math::sqrt(variance[j]), epsilon);
    for (std::int64_t i = first_row(); i < rows; i += row_stride()) {
      const float from = x[i * cols + j];
      y[i * cols + j] = invert ? math::fma(from, deviation, center) : (from - center) / deviation;
    }
  }
}

void standardize(const Queue& queue, float* y, const float* x, const float* mean, const float* variance,
                 std::int64_t rows, std::int64_t cols, float epsilon, bool invert) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, standardize_kernel, tiling.grid, tiling.block, 0, y, x, mean, variance, rows, cols, epsilon,
         invert);
}

}  // namespace

void fill_standardize(Launchers& table) { table.standardize = standardize; }

}  // namespace densor::cuda
