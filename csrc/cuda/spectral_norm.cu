// The power iteration v = w u / |w u|, u = w^T v / |w^T v|, and w /= |w^T v|. A round reads the matrix twice.
// Lengths stay on the device; where that of w u is 0 (or NaN), everything after it is left undone;
// of a refused batch it is taken for 0.
#include <cmath>

#include "cuda/device/team.cuh"

#include "cuda/device/columns.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

struct Lengths {
  float left, right;  // of w u, of w^T v
};

template <class Team>
__global__ void rows_times_kernel(float* v, const float* w, const float* u, std::int64_t rows,
                                  std::int64_t cols, const Batch* batch) {
  if (refused(batch)) return;
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    float sum = 0.0f;
    each_column<Team>(cols, [&](std::int64_t j) { sum = math::fma(w[i * cols + j], u[j], sum); });
    sum = Team::reduce(sum, Sum{});
    if (Team::member() == 0) v[i] = sum;
  }
}

__global__ void columns_times_kernel(float* u, const float* w, const float* v, const Lengths* lengths,
                                     std::int64_t rows, std::int64_t cols) {
  if (!(lengths->left > 0.0f)) return;
  const ColumnTile tile(rows, cols);
  float sum[1] = {};
  for (std::int64_t i = tile.warp; i < rows; i += kTileWarps)
    sum[0] = math::fma(w[i * cols + tile.column], v[i], sum[0]);
  add_warps(tile, sum);
  if (tile.first()) u[tile.column] = sum[0];
}

// The length of x, squares summed in double, by every thread of the block.
__device__ float length_of(const float* x, std::int64_t n) {
  double squares = 0.0;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const auto value = static_cast<double>(x[i]);
    squares += value * value;
  }
  return static_cast<float>(std::sqrt(block_sum(squares)));
}

// x /= its length, by one block.
__global__ void __launch_bounds__(1024)
    normalize_left_kernel(float* v, Lengths* lengths, std::int64_t n, const Batch* batch) {
  const float length = refused(batch) ? 0.0f : length_of(v, n);
  if (threadIdx.x == 0) lengths->left = length;
  if (!(length > 0.0f)) return;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) v[i] *= 1.0f / length;
}
__global__ void __launch_bounds__(1024) normalize_right_kernel(float* u, Lengths* lengths, std::int64_t n) {
  if (!(lengths->left > 0.0f)) return;
  const float length = length_of(u, n);
  if (threadIdx.x == 0) lengths->right = length;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) u[i] *= 1.0f / length;
}

__global__ void divide_kernel(float* w, const Lengths* lengths, std::int64_t n) {
  if (!(lengths->left > 0.0f)) return;
  const float inverse = 1.0f / lengths->right;
  for (std::int64_t i = first_item(); i < n; i += item_stride()) w[i] *= inverse;
}

void spectral_norm(const Queue& queue, float* w, float* u, float* v, std::int64_t rows, std::int64_t cols,
                   std::int64_t iterations) {
  if (rows == 0 || cols == 0) return;
  auto* lengths = reinterpret_cast<Lengths*>(queue.scratch);
  for (std::int64_t k = 0; k < iterations; ++k) {
    with_team(cols, [&](auto team) {
      launch(queue, rows_times_kernel<decltype(team)>, team.blocks(rows), kThreads, 0, v, w, u, rows, cols,
             queue.batch);
    });
    launch(queue, normalize_left_kernel, 1, 1024, 0, v, lengths, rows, queue.batch);
    launch(queue, columns_times_kernel, tile_blocks(cols, 1), tile_threads(), 0, u, w, v, lengths, rows,
           cols);
    launch(queue, normalize_right_kernel, 1, 1024, 0, u, lengths, cols);
  }
  launch(queue, divide_kernel, blocks_for(rows * cols), kThreads, 0, w, lengths, rows * cols);
}

}  // namespace

void fill_spectral_norm(Launchers& table) { table.spectral_norm = spectral_norm; }

}  // namespace densor::cuda
