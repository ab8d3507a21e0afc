// Rescales the columns of matrices in place, so that their norms come towards [low, high]: a block has 32.
// Reads each element twice and writes it once.
#pragma once

#include "cuda/device/columns.cuh"
#include "cuda/phases/batch.cuh"
#include "math/norm_constraint.h"
#include "math/operands.h"

namespace densor::cuda {

__device__ __forceinline__ float norm_factor(float squares, const math::NormConstraint& p) {
  return math::norm_constraint_factor(math::sqrt(squares), p.low, p.high, p.rate);
}

// `count` matrices (rows, cols), a row of blocks each.
struct ConstrainColumns {
  static constexpr PhaseKind kKind = PhaseKind::constrain_columns;
  float* w;
  std::int64_t count, rows, cols;
  math::NormConstraint p;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    constexpr std::int64_t kChain = 64 * kTileWarps;  // rows whose squares are summed before they join others
    const ColumnTile tile(at, rows, cols);
    for (std::int64_t k = at.block_y; k < count; k += at.shape.blocks_y) {
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
      const float factor = norm_factor(squares[0], p);
      if (tile.inside)
        for (std::int64_t i = tile.warp; i < rows; i += kTileWarps) column[i * cols] *= factor;
    }
  }
};

}  // namespace densor::cuda
