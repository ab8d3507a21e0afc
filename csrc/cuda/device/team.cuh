// The threads that work on a row together: a warp, or a whole block where rows are long and few. A kernel is
// a template on the team; every thread of a team walks the same rows.
#pragma once

#include "cuda/device/phase.cuh"
#include "cuda/device/reduce.cuh"

namespace densor::cuda {

struct WarpTeam {
  static constexpr int kSize = kWarpSize;
  static dim3 blocks(std::int64_t rows) { return blocks_for_rows(rows); }

  __device__ static std::int64_t first_row() { return first_warp_item(); }
  __device__ static std::int64_t row_stride() { return warp_item_stride(); }
  __device__ static std::int64_t first_row(const Place& at) { return at.first_warp_item(); }
  __device__ static std::int64_t row_stride(const Place& at) { return at.warp_item_stride(); }
  __device__ static int member() { return lane_index(); }
  template <class T, class Combine>
  __device__ static T reduce(T value, Combine combine) {
    return warp_reduce(value, combine);
  }
};

struct BlockTeam {
  static constexpr int kSize = kThreads;
  static dim3 blocks(std::int64_t rows) { return blocks_for(rows, 1); }

  __device__ static std::int64_t first_row() { return blockIdx.x; }
  __device__ static std::int64_t row_stride() { return gridDim.x; }
  __device__ static std::int64_t first_row(const Place& at) { return at.block_x; }
  __device__ static std::int64_t row_stride(const Place& at) { return at.shape.blocks_x; }
  __device__ static int member() { return static_cast<int>(threadIdx.x); }
  template <class T, class Combine>
  __device__ static T reduce(T value, Combine combine) {
    return block_reduce(value, combine);
  }
};

// f(team) with the team that suits the rows.
template <class F>
void with_team(std::int64_t cols, F f) {
  constexpr std::int64_t kLongRow = 2048;
  if (cols < kLongRow)
    f(WarpTeam{});
  else
    f(BlockTeam{});
}

// for (j = member; j < cols; j += size) f(j)
template <class Team, class F>
__device__ __forceinline__ void each_column(std::int64_t cols, F f) {
  for (std::int64_t j = Team::member(); j < cols; j += Team::kSize) f(j);
}

// Sum of f(j) over the columns of a row.
template <class Team, class F>
__device__ __forceinline__ float team_sum(std::int64_t cols, F f) {
  float sum = 0.0f;
  each_column<Team>(cols, [&](std::int64_t j) { sum += f(j); });
  return Team::reduce(sum, Sum{});
}

}  // namespace densor::cuda
