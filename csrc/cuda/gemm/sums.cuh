// What the epilogues of the products find out about the results while these are in registers (GemmSums).
//
// Moments of columns: a thread begins with its own rows of a column, lanes that have the same columns share
// these out and merge, from the upper rows to the lower ones, and so do strips of rows in shared memory. The
// mean stays a difference from the part's first row, so that a column at 1e4 with deviation 1 loses nothing;
// the order is fixed by the tile. Squares are summed in double, as the norms of stored gradients are.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/reduce.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/gemm/problem.h"
#include "math/batch_norm.h"
#include "math/bf16_split.h"

namespace densor::cuda {

// A tile of c.
struct GemmTile {
  std::int64_t top, left;
  int rows, cols;

  __device__ bool has(const GemmProblem& p, int row, int col) const {
    return top + row < p.m && left + col < p.n;
  }
  // Of `count` rows from `row` on, every `step`th, those that are among the first `all`.
  __device__ float rows_below(std::int64_t all, int row, int count, int step = 1) const {
    const std::int64_t left_over = (all - top - row + step - 1) / step;
    return static_cast<float>(left_over < 0 ? 0 : left_over < count ? left_over : count);
  }
};

// Some rows of a column: their mean is first + offset.
struct ColumnMoments {
  float first, offset, squares;
};

// As it is seen by who reads what is stored of it.
__device__ __forceinline__ float seen(const GemmSums& sums, float x) {
  return sums.rounded ? math::bf16_round(x) : x;
}

__device__ __forceinline__ double square(float x) { return static_cast<double>(x) * static_cast<double>(x); }

// Of the first `count` values.
template <int kRows>
__device__ __forceinline__ ColumnMoments moments_of_rows(const float (&x)[kRows], float count) {
  const float share = count > 0.0f ? 1.0f / count : 0.0f;
  float sum = 0.0f, squares = 0.0f;
#pragma unroll
  for (int r = 1; r < kRows; ++r) sum += static_cast<float>(r) < count ? x[r] - x[0] : 0.0f;
  const float offset = sum * share;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const float deviation = static_cast<float>(r) < count ? (x[r] - x[0]) - offset : 0.0f;
    squares = math::fma(deviation, deviation, squares);
  }
  return {x[0], offset, squares};
}

// `before` rows and the `count` rows below them.
__device__ __forceinline__ ColumnMoments merged(const ColumnMoments& a, const ColumnMoments& b, float before,
                                                float count) {
  if (count == 0.0f) return a;
  math::Moments<float> total{a.offset, a.squares};
  total.merge({b.offset + (b.first - a.first), b.squares}, before, count);
  return {a.first, total.mean, total.squares};
}

// Of two lanes, kDistance apart, the one with the upper rows keeps the first half of their kColumns columns,
// the other one the second half; of[] and `rows` are then those of both.
template <int kDistance, int kColumns, int kCount>
__device__ __forceinline__ void share_columns(ColumnMoments (&of)[kCount], float& rows) {
  const bool lower = (lane_index() & kDistance) != 0;
  const auto exchange = [](float x) { return __shfl_xor_sync(kAllLanes, x, kDistance); };
  const float others = exchange(rows), before = lower ? others : rows, below = lower ? rows : others;
#pragma unroll
  for (int c = 0; c < kColumns / 2; ++c) {
    const ColumnMoments first = of[c], second = of[c + kColumns / 2];
    const ColumnMoments kept = lower ? second : first, given = lower ? first : second;
    const ColumnMoments got{exchange(given.first), exchange(given.offset), exchange(given.squares)};
    of[c] = merged(lower ? got : kept, lower ? kept : got, before, below);
  }
  rows += others;
}

// As matrix units leave their results: lane 4 g + t has rows g, g + 8 and so on of columns t, of which it
// keeps the g-th of eight.
__device__ __forceinline__ ColumnMoments share_eight(ColumnMoments (&of)[8], float rows) {
  share_columns<16, 8>(of, rows);
  share_columns<8, 4>(of, rows);
  share_columns<4, 2>(of, rows);
  return of[0];
}
// Its place among the columns, two of each of four instructions.
__device__ __forceinline__ int column_of_eight() {
  const int g = lane_index() / 4;
  return g / 2 * 8 + lane_index() % 4 * 2 + g % 2;
}

// The moments of a tile's columns, of which `strips` of equally many rows are in shared memory, (strips,
// tile.cols), by `threads` threads.
__device__ __forceinline__ void leave_moments(const GemmSums& sums, const GemmProblem& p,
                                              const GemmTile& tile, const ColumnMoments* of, int strips,
                                              int thread, int threads) {
  const int strip = tile.rows / strips;
  float* means = sums.moments + tile.top / tile.rows * p.n + tile.left;
  float* squares = means + divide_up(p.m, tile.rows) * p.n;
  const std::int64_t rows = rows_of(sums.batch, p.m);
  for (int j = thread; j < tile.cols; j += threads) {
    if (!tile.has(p, 0, j)) break;
    ColumnMoments total = of[j];
    for (int s = 1; s < strips; ++s)
      total = merged(total, of[s * tile.cols + j], static_cast<float>(s * strip),
                     tile.rows_below(rows, s * strip, strip));
    means[j] = total.offset;
    squares[j] = total.squares;
  }
}

// Those of a tile whose warps have 32 x 32 results each, from (row, col) on, two instructions down and four
// across. `room`: shared memory that nobody uses any more.
template <bool kTransposeA, bool kTransposeB>
__device__ __forceinline__ void leave_warp_sums(const GemmSums& sums, const GemmProblem& p,
                                                const GemmTile& tile, int row, int col, void* room,
                                                const float (&x)[2][4][4]) {
  const int thread = static_cast<int>(threadIdx.x), g = lane_index() / 4, t = lane_index() % 4;
  if constexpr (!kTransposeA && !kTransposeB) {
    if (sums.moments == nullptr) return;
    const float rows = tile.rows_below(rows_of(sums.batch, p.m), row + g, 4, 8);
    ColumnMoments of[8];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      const float column[] = {seen(sums, x[0][c / 2][c % 2]), seen(sums, x[0][c / 2][c % 2 + 2]),
                              seen(sums, x[1][c / 2][c % 2]), seen(sums, x[1][c / 2][c % 2 + 2])};
      of[c] = moments_of_rows(column, rows);
    }
    const ColumnMoments mine = share_eight(of, rows);
    auto* strips = static_cast<ColumnMoments*>(room);
    __syncthreads();
    strips[row / 32 * tile.cols + col + column_of_eight()] = mine;
    __syncthreads();
    leave_moments(sums, p, tile, strips, tile.rows / 32, thread, kThreads);
  } else if constexpr (kTransposeA && !kTransposeB) {
    if (sums.squares == nullptr) return;
    double squares = 0.0;
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          if (tile.has(p, row + i * 16 + g + e / 2 * 8, col + j * 8 + t * 2 + e % 2))
            squares += square(x[i][j][e]);
    squares = block_sum(squares);
    if (thread == 0) sums.squares[blockIdx.y * gridDim.x + blockIdx.x] = squares;
  }
}

}  // namespace densor::cuda
