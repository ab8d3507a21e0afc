// Mean and squared deviations of columns, by merging those of a few rows.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/columns.cuh"
#include "math/batch_norm.h"

namespace densor::cuda {

// Moments of `count` rows.
struct RowMoments {
  float mean, squares;
  std::int64_t count;

  __device__ void merge(const RowMoments& other) {
    if (other.count == 0) return;
    math::Moments<float> total{mean, squares};
    total.merge({other.mean, other.squares}, static_cast<float>(count), static_cast<float>(other.count));
    mean = total.mean;
    squares = total.squares;
    count += other.count;
  }
};

// Moments of x - pivot in the rows of a thread. Eight of them at a time are in registers, and read once.
__device__ inline RowMoments thread_moments(const ColumnTile& tile, const float* x, float pivot,
                                            std::int64_t ld) {
  constexpr int kRows = 8;
  RowMoments total{};
  for (std::int64_t i = tile.begin + tile.warp * kRows; i < tile.end; i += kTileWarps * kRows) {
    const int count = tile.end - i < kRows ? static_cast<int>(tile.end - i) : kRows;
    float value[kRows], sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int r = 0; r < kRows; ++r) value[r] = r < count ? x[(i + r) * ld] - pivot : 0.0f;
#pragma unroll
    for (int r = 0; r < kRows; ++r) sum += value[r];
    const float mean = sum / static_cast<float>(count);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const float deviation = r < count ? value[r] - mean : 0.0f;
      squares = math::fma(deviation, deviation, squares);
    }
    total.merge({mean, squares, count});
  }
  return total;
}

// The same in all rows of the part, for every thread of a column.
__device__ inline RowMoments tile_moments(const ColumnTile& tile, const float* x, float pivot,
                                          std::int64_t ld) {
  DENSOR_SHARED(RowMoments[kTileWarps][kTileColumns], of_warp);
  of_warp[tile.warp][tile.lane] = thread_moments(tile, x + tile.column, pivot, ld);
  __syncthreads();
  RowMoments total{};
  for (int w = 0; w < kTileWarps; ++w) total.merge(of_warp[w][tile.lane]);
  return total;
}

}  // namespace densor::cuda
