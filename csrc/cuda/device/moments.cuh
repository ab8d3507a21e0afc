// Mean and squared deviations of columns, by merging those of a few rows.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/abreast.cuh"
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

// Rows whose moments a thread finds in registers, and reads once.
inline constexpr int kMomentRows = 8;

// Adds those of x - pivot in the `count` rows from x on. kAll: in kMomentRows.
template <bool kAll, class T>
__device__ __forceinline__ void add_moments(Abreast<T, RowMoments>& total, const T* x, int count,
                                            const Abreast<T>& pivot, std::int64_t ld, bool pairs) {
  Abreast<T> value[kMomentRows];
#pragma unroll
  for (int r = 0; r < kMomentRows; ++r) value[r] = load_if(kAll || r < count, x + r * ld, pairs);
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) {
    float sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int r = 0; r < kMomentRows; ++r) {
      value[r].of[k] = kAll || r < count ? value[r].of[k] - pivot.of[k] : 0.0f;
      sum += value[r].of[k];
    }
    const float mean = sum / static_cast<float>(count);
#pragma unroll
    for (int r = 0; r < kMomentRows; ++r) {
      const float deviation = kAll || r < count ? value[r].of[k] - mean : 0.0f;
      squares = math::fma(deviation, deviation, squares);
    }
    total.of[k].merge({mean, squares, count});
  }
}

// Moments of x - pivot in the rows of a thread.
template <class T>
__device__ inline Abreast<T, RowMoments> thread_moments(const WideTile<T>& tile, const T* x,
                                                        const Abreast<T>& pivot, std::int64_t ld) {
  Abreast<T, RowMoments> total{};
  for (std::int64_t i = tile.begin + tile.warp * kMomentRows; i < tile.end; i += kTileWarps * kMomentRows) {
    const int count = tile.end - i < kMomentRows ? static_cast<int>(tile.end - i) : kMomentRows;
    if (kAbreast<T> > 1 && count == kMomentRows)  // as in each_group
      add_moments<true>(total, x + i * ld, count, pivot, ld, tile.pairs);
    else
      add_moments<false>(total, x + i * ld, count, pivot, ld, tile.pairs);
  }
  return total;
}

// The same in all rows of the part, for every thread of a column.
template <class T>
__device__ inline Abreast<T, RowMoments> tile_moments(const WideTile<T>& tile, const T* x,
                                                      const Abreast<T>& pivot, std::int64_t ld) {
  DENSOR_SHARED(RowMoments[kAbreast<T>][kTileWarps][kTileColumns], of_warp);
  const Abreast<T, RowMoments> own = thread_moments(tile, x + tile.column, pivot, ld);
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) of_warp[k][tile.warp][tile.lane] = own.of[k];
  __syncthreads();
  Abreast<T, RowMoments> total{};
  for (int w = 0; w < kTileWarps; ++w)
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k) total.of[k].merge(of_warp[k][w][tile.lane]);
  __syncthreads();  // the next call writes there
  return total;
}

}  // namespace densor::cuda
