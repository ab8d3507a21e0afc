#include "cuda/phases/standardize.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

void standardize(const Queue& queue, float* y, const float* x, const float* mean, const float* variance,
                 std::int64_t rows, std::int64_t cols, float epsilon, bool invert) {
  const Tiling tiling = tiling_for(rows, cols);
  launch_phase(queue, Standardize{y, x, mean, variance, rows, cols, epsilon, invert}, tiling.grid,
               tiling.block, {span(x, rows * cols), span(mean, cols), span(variance, cols)},
               {span(y, rows * cols)});
}

}  // namespace

void fill_standardize(Launchers& table) { table.standardize = standardize; }

}  // namespace densor::cuda
