// Rescales vectors in place, so that their norms come towards [low, high]. Vectors along rows: a team each,
// squares summed in double. Columns: a block has 32. Reads each element twice and writes it once.
#include "cuda/device/team.cuh"

#include "cuda/device/columns.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"
#include "math/norm_constraint.h"
#include "math/operands.h"

namespace densor::cuda {

namespace {

using math::NormConstraint;

__device__ __forceinline__ float factor_of(float squares, const NormConstraint& p) {
  return math::norm_constraint_factor(math::sqrt(squares), p.low, p.high, p.rate);
}

template <class Team>
__global__ void rows_kernel(float* w, std::int64_t rows, std::int64_t cols, NormConstraint p,
                            const Batch* batch) {
  if (refused(batch)) return;
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    float* row = w + i * cols;
    double squares = 0.0;
    each_column<Team>(cols, [&](std::int64_t j) {
      const auto x = static_cast<double>(row[j]);
      squares += x * x;
    });
    const float factor = factor_of(static_cast<float>(Team::reduce(squares, Sum{})), p);
    each_column<Team>(cols, [&](std::int64_t j) { row[j] *= factor; });
  }
}

// `count` matrices (rows, cols), a row of blocks each.
__global__ void columns_kernel(float* w, std::int64_t count, std::int64_t rows, std::int64_t cols,
                               NormConstraint p, const Batch* batch) {
  if (refused(batch)) return;
  constexpr std::int64_t kChain = 64 * kTileWarps;  // rows whose squares are summed before they join others
  const ColumnTile tile(rows, cols);
  for (std::int64_t k = blockIdx.y; k < count; k += gridDim.y) {
    float* column = w + k * rows * cols + tile.column;
    float squares[1] = {};
    for (std::int64_t begin = 0; begin < rows; begin += kChain) {
      const std::int64_t end = begin + kChain < rows ? begin + kChain : rows;
      float chain = 0.0f;
      for (std::int64_t i = begin + tile.warp; i < end; i += kTileWarps)
        chain = math::fma(column[i * cols], column[i * cols], chain);
      squares[0] += chain;
    }
    add_warps(tile, squares);
    const float factor = factor_of(squares[0], p);
    if (tile.inside)
      for (std::int64_t i = tile.warp; i < rows; i += kTileWarps) column[i * cols] *= factor;
  }
}

void norm_constraint(const Queue& queue, float* w, std::int64_t outer, std::int64_t rows, std::int64_t cols,
                     const NormConstraint& p) {
  if (outer == 0 || rows == 0 || cols == 0) return;
  if (cols == 1) {
    with_team(rows, [&](auto team) {
      launch(queue, rows_kernel<decltype(team)>, team.blocks(outer), kThreads, 0, w, outer, rows, p,
             queue.batch);
    });
    return;
  }
  const std::int64_t layers = outer < kMostBlocks ? outer : kMostBlocks;
  launch(queue, columns_kernel, tile_blocks(cols, layers), tile_threads(), 0, w, outer, rows, cols, p,
         queue.batch);
}

}  // namespace

void fill_norm_constraint(Launchers& table) { table.norm_constraint = norm_constraint; }

}  // namespace densor::cuda
