#include "cuda/phases/concatenate.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

void copy_matrix(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols,
                 std::int64_t ldy, std::int64_t ldx) {
  const Tiling tiling = tiling_for(rows, cols);
  const auto all = [=](std::int64_t ld) { return rows > 0 ? (rows - 1) * ld + cols : 0; };
  launch_phase(queue, CopyMatrix{y, x, rows, cols, ldy, ldx}, tiling.grid, tiling.block, {span(x, all(ldx))},
               {span(y, all(ldy))});
}

}  // namespace

void fill_concatenate(Launchers& table) { table.copy_matrix = copy_matrix; }

}  // namespace densor::cuda
