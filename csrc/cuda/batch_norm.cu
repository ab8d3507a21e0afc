// Batch normalization of columns with a fused activation, and its gradients. Batches of one part of rows take
// one launch, whose second look at the rows finds them in the L1 cache. Of larger ones, a launch reads the
// rows for their sums, one puts the parts together and one reads the rows again: forward moves 12 bytes an
// element, inference 8, backward 20 (28 with an activation), inference_backward 12 (16).
#include "cuda/device/chosen_activation.cuh"
#include "cuda/device/moments.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/table.h"
#include "math/batch_norm.h"

namespace densor::cuda {

namespace {

using math::BatchNorm;
using math::BatchNormGradients;

// Rows of a block in passes that sum nothing.
constexpr std::int64_t kPassRows = 128, kMostPasses = 4096;

std::int64_t passes(std::int64_t rows) {
  const std::int64_t wanted = divide_up(rows, kPassRows);
  return wanted < 1 ? 1 : wanted < kMostPasses ? wanted : kMostPasses;
}

__device__ __forceinline__ float value_or(const float* array, std::int64_t j, float otherwise) {
  return array != nullptr ? array[j] : otherwise;
}

// y = activation(scale u + shift), u = x - mean, in the rows of a part.
template <class A>
__device__ void normalize_rows(const ColumnTile& tile, const A& activation, float* y, const float* x,
                               float mean, const math::Normalization<float>& n, const BatchNorm& p) {
  if (!tile.inside) return;
  each_rows(tile, [&](std::int64_t i) {
    float u[kRowsAhead];
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      const std::int64_t row = i + r * kTileWarps;
      u[r] = row < tile.end ? x[row * p.ld + tile.column] - mean : 0.0f;
    }
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      const std::int64_t row = i + r * kTileWarps;
      if (row < tile.end)
        y[row * p.ld + tile.column] = activation.value(math::fma(u[r], n.scale, n.shift), p.alpha);
    }
  });
}

__device__ __forceinline__ math::Normalization<float> normalization(const BatchNorm& p, std::int64_t j,
                                                                    float variance, float lost) {
  return math::Normalization<float>(value_or(p.gamma, j, 1.0f), value_or(p.beta, j, 0.0f),
                                    math::inverse_deviation(variance, p.epsilon), lost);
}

// All of forward, for one part.
template <class A>
__global__ void forward_kernel(A activation, float* y, float* mean, float* variance, const float* x,
                               BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols);
  const float pivot = x[tile.column];  // the first row is near the others
  const RowMoments m = tile_moments(tile, x, pivot, p.ld);
  const math::SplitMean<float> split(pivot, m.mean);
  const float spread = m.squares / static_cast<float>(p.rows);
  if (tile.first()) {
    mean[tile.column] = split.sum;
    variance[tile.column] = spread;
  }
  normalize_rows(tile, activation, y, x, split.sum, normalization(p, tile.column, spread, split.lost), p);
}

// part_mean, part_squares (parts, cols): moments of x - first row.
__global__ void moments_kernel(float* part_mean, float* part_squares, const float* x, BatchNorm p,
                               const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols, part_rows(p.rows));
  const RowMoments m = tile_moments(tile, x, x[tile.column], p.ld);
  if (!tile.first()) return;
  part_mean[tile.part * p.cols + tile.column] = m.mean;
  part_squares[tile.part * p.cols + tile.column] = m.squares;
}

// Statistics from those of the parts; `lost`: what the rounding of the mean lost.
__global__ void merge_moments_kernel(float* mean, float* lost, float* variance, const float* part_mean,
                                     const float* part_squares, const float* x, std::int64_t parts,
                                     BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const std::int64_t each = part_rows(p.rows);
  for (std::int64_t j = first_item(); j < p.cols; j += item_stride()) {
    RowMoments total{};
    for (std::int64_t part = 0; part < parts && part * each < p.rows; ++part) {
      const std::int64_t left = p.rows - part * each;
      total.merge({part_mean[part * p.cols + j], part_squares[part * p.cols + j], left < each ? left : each});
    }
    const math::SplitMean<float> split(x[j], total.mean);
    mean[j] = split.sum;
    lost[j] = split.lost;
    variance[j] = total.squares / static_cast<float>(p.rows);
  }
}

// y by given statistics; lost may be null: 0.
template <class A>
__global__ void normalize_kernel(A activation, float* y, const float* x, const float* mean, const float* lost,
                                 const float* variance, std::int64_t part_rows, BatchNorm p) {
  const ColumnTile tile(p.rows, p.cols, part_rows);
  const std::int64_t j = tile.column;
  normalize_rows(tile, activation, y, x, mean[j], normalization(p, j, variance[j], value_or(lost, j, 0.0f)),
                 p);
}

void normalize(const Queue& queue, float* y, const float* x, const float* mean, const float* lost,
               const float* variance, const BatchNorm& p) {
  const std::int64_t parts = passes(p.rows);
  with_chosen_activation(p.activation, [&](auto activation) {
    launch(queue, normalize_kernel<decltype(activation)>, tile_blocks(p.cols, parts), tile_threads(), 0,
           activation, y, x, mean, lost, variance, divide_up(p.rows, parts), p);
  });
}

void forward(const Queue& queue, float* y, float* mean, float* variance, const float* x, const BatchNorm& p) {
  if (p.cols == 0) return;
  const std::int64_t parts = column_parts(p.rows);
  if (parts == 1) {
    with_chosen_activation(p.activation, [&](auto activation) {
      launch(queue, forward_kernel<decltype(activation)>, tile_blocks(p.cols, 1), tile_threads(), 0,
             activation, y, mean, variance, x, p, queue.batch);
    });
    return;
  }
  float *lost = queue.scratch, *part_mean = lost + p.cols, *part_squares = part_mean + parts * p.cols;
  launch(queue, moments_kernel, tile_blocks(p.cols, parts), tile_threads(), 0, part_mean, part_squares, x, p,
         queue.batch);
  launch(queue, merge_moments_kernel, blocks_for(p.cols), kThreads, 0, mean, lost, variance, part_mean,
         part_squares, x, parts, p, queue.batch);
  normalize(queue, y, x, mean, lost, variance, p);
}

void inference(const Queue& queue, float* y, const float* x, const float* mean, const float* variance,
               const BatchNorm& p) {
  if (p.cols == 0) return;
  normalize(queue, y, x, mean, nullptr, variance, p);
}

// What a backward pass reads, and dx, which may be one of them or null.
struct Arrays {
  float* dx;
  const float *dy, *x, *y;
};

// The gradient behind the activation and u = x - mean, of kRowsAhead rows from i on; 0 behind the last.
struct RowsAhead {
  float dz[kRowsAhead], u[kRowsAhead];

  template <class A>
  __device__ RowsAhead(const ColumnTile& tile, const A& activation, const Arrays& a, float mean,
                       std::int64_t i, const BatchNorm& p) {
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      const std::int64_t row = i + r * kTileWarps, at = row * p.ld + tile.column;
      const bool there = row < tile.end;
      dz[r] = there ? a.dy[at] : 0.0f;
      u[r] = there ? a.x[at] - mean : 0.0f;
      if constexpr (!A::kLinear)
        if (there) dz[r] *= activation.derivative(a.y[at], p.alpha);
    }
  }
};

// Sums over the rows of the part for every thread of a column; with a scale, dx = scale dz on the way.
template <bool kScaled, class A>
__device__ math::GradientSums<float> tile_sums(const ColumnTile& tile, const A& activation, const Arrays& a,
                                               float mean, float scale, const BatchNorm& p) {
  float sum[3] = {};
  each_rows(tile, [&](std::int64_t i) {
    const RowsAhead rows(tile, activation, a, mean, i, p);
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      sum[0] += rows.dz[r];
      sum[1] = math::fma(rows.dz[r], rows.u[r], sum[1]);
      sum[2] += rows.u[r];
      const std::int64_t row = i + r * kTileWarps;
      if (kScaled && tile.inside && row < tile.end) a.dx[row * p.ld + tile.column] = scale * rows.dz[r];
    }
  });
  add_warps(tile, sum);
  return {sum[0], sum[1], sum[2]};
}

// dx = scale dz + slope u + shift.
template <class A>
__device__ void input_gradient(const ColumnTile& tile, const A& activation, const Arrays& a, float mean,
                               float scale, float slope, float shift, const BatchNorm& p) {
  if (!tile.inside) return;
  each_rows(tile, [&](std::int64_t i) {
    const RowsAhead rows(tile, activation, a, mean, i, p);
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      const std::int64_t row = i + r * kTileWarps;
      if (row < tile.end)
        a.dx[row * p.ld + tile.column] = math::fma(rows.dz[r], scale, math::fma(rows.u[r], slope, shift));
    }
  });
}

__device__ __forceinline__ math::NormalizationGradient<float> gradient(const math::GradientSums<float>& sums,
                                                                       const float* variance, std::int64_t j,
                                                                       const BatchNorm& p) {
  return math::NormalizationGradient<float>(sums, value_or(p.gamma, j, 1.0f),
                                            math::inverse_deviation(variance[j], p.epsilon),
                                            static_cast<float>(p.rows));
}

// All of backward, for one part.
template <class A>
__global__ void backward_kernel(A activation, Arrays a, float* dgamma, float* dbeta, const float* mean,
                                const float* variance, BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols);
  const std::int64_t j = tile.column;
  const auto sums = tile_sums<false>(tile, activation, a, mean[j], 0.0f, p);
  const auto g = gradient(sums, variance, j, p);
  if (tile.first() && dgamma != nullptr) dgamma[j] = g.dgamma;
  if (tile.first() && dbeta != nullptr) dbeta[j] = sums.dz;
  if (a.dx != nullptr) input_gradient(tile, activation, a, mean[j], g.scale, g.slope, g.shift, p);
}

// part_sums (parts, 3, cols). kInference: dx, if there is one, is written on the way.
template <bool kInference, class A>
__global__ void sums_kernel(A activation, float* part_sums, Arrays a, const float* mean,
                            const float* variance, BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols, part_rows(p.rows));
  const std::int64_t j = tile.column;
  const float scale =
      kInference ? value_or(p.gamma, j, 1.0f) * math::inverse_deviation(variance[j], p.epsilon) : 0.0f;
  const auto sums = kInference && a.dx != nullptr ? tile_sums<true>(tile, activation, a, mean[j], scale, p)
                                                  : tile_sums<false>(tile, activation, a, mean[j], scale, p);
  if (!tile.first()) return;
  float* mine = part_sums + tile.part * 3 * p.cols + j;
  mine[0] = sums.dz;
  mine[p.cols] = sums.dz_u;
  mine[2 * p.cols] = sums.u;
}

__device__ math::GradientSums<float> all_sums(const float* part_sums, std::int64_t parts, std::int64_t j,
                                              std::int64_t cols) {
  math::GradientSums<float> total{0.0f, 0.0f, 0.0f};
  for (std::int64_t part = 0; part < parts; ++part) {
    const float* sums = part_sums + part * 3 * cols + j;
    total = {total.dz + sums[0], total.dz_u + sums[cols], total.u + sums[2 * cols]};
  }
  return total;
}

// dgamma, dbeta, and the three factors (3, cols) of dx.
__global__ void factors_kernel(float* dgamma, float* dbeta, float* factors, const float* part_sums,
                               const float* variance, std::int64_t parts, BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  for (std::int64_t j = first_item(); j < p.cols; j += item_stride()) {
    const auto sums = all_sums(part_sums, parts, j, p.cols);
    const auto g = gradient(sums, variance, j, p);
    if (dgamma != nullptr) dgamma[j] = g.dgamma;
    if (dbeta != nullptr) dbeta[j] = sums.dz;
    factors[j] = g.scale;
    factors[p.cols + j] = g.slope;
    factors[2 * p.cols + j] = g.shift;
  }
}

template <class A>
__global__ void input_gradient_kernel(A activation, Arrays a, const float* mean, const float* factors,
                                      std::int64_t part_rows, BatchNorm p) {
  const ColumnTile tile(p.rows, p.cols, part_rows);
  const std::int64_t j = tile.column;
  input_gradient(tile, activation, a, mean[j], factors[j], factors[p.cols + j], factors[2 * p.cols + j], p);
}

void backward(const Queue& queue, const BatchNormGradients& d, const float* dy, const float* x,
              const float* y, const float* mean, const float* variance, const BatchNorm& p) {
  if (p.cols == 0) return;
  const Arrays a{d.dx, dy, x, y};
  const std::int64_t parts = column_parts(p.rows), some = passes(p.rows);
  float *factors = queue.scratch, *part_sums = factors + 3 * p.cols;
  with_chosen_activation(p.activation, [&](auto activation) {
    using A = decltype(activation);
    if (parts == 1) {
      launch(queue, backward_kernel<A>, tile_blocks(p.cols, 1), tile_threads(), 0, activation, a, d.dgamma,
             d.dbeta, mean, variance, p, queue.batch);
      return;
    }
    launch(queue, sums_kernel<false, A>, tile_blocks(p.cols, parts), tile_threads(), 0, activation, part_sums,
           a, mean, variance, p, queue.batch);
    launch(queue, factors_kernel, blocks_for(p.cols), kThreads, 0, d.dgamma, d.dbeta, factors, part_sums,
           variance, parts, p, queue.batch);
    if (a.dx != nullptr)
      launch(queue, input_gradient_kernel<A>, tile_blocks(p.cols, some), tile_threads(), 0, activation, a,
             mean, factors, divide_up(p.rows, some), p);
  });
}

__global__ void inference_parameters_kernel(float* dgamma, float* dbeta, const float* part_sums,
                                            const float* variance, std::int64_t parts, BatchNorm p) {
  for (std::int64_t j = first_item(); j < p.cols; j += item_stride()) {
    const auto sums = all_sums(part_sums, parts, j, p.cols);
    if (dgamma != nullptr) dgamma[j] = math::inverse_deviation(variance[j], p.epsilon) * sums.dz_u;
    if (dbeta != nullptr) dbeta[j] = sums.dz;
  }
}

void inference_backward(const Queue& queue, const BatchNormGradients& d, const float* dy, const float* x,
                        const float* y, const float* mean, const float* variance, const BatchNorm& p) {
  if (p.cols == 0) return;
  const std::int64_t parts = column_parts(p.rows);
  with_chosen_activation(p.activation, [&](auto activation) {
    launch(queue, sums_kernel<true, decltype(activation)>, tile_blocks(p.cols, parts), tile_threads(), 0,
           activation, queue.scratch, Arrays{d.dx, dy, x, y}, mean, variance, p, queue.batch);
  });
  if (d.dgamma == nullptr && d.dbeta == nullptr) return;
  launch(queue, inference_parameters_kernel, blocks_for(p.cols), kThreads, 0, d.dgamma, d.dbeta,
         queue.scratch, variance, parts, p);
}

__global__ void update_kernel(float* moving_mean, float* moving_variance, const float* mean,
                              const float* variance, std::int64_t n, math::MovingAverage average,
                              const Batch* batch) {
  if (refused(batch)) return;
  for (std::int64_t j = first_item(); j < n; j += item_stride()) {
    const bool untouched = average.from_first && moving_mean[j] == 0.0f && moving_variance[j] == 1.0f;
    const float spread = variance[j] * average.correction;
    moving_mean[j] =
        untouched ? mean[j] : math::moving_average(moving_mean[j], mean[j], average.momentum, average.rest);
    moving_variance[j] =
        untouched ? spread : math::moving_average(moving_variance[j], spread, average.momentum, average.rest);
  }
}

void update(const Queue& queue, float* moving_mean, float* moving_variance, const float* mean,
            const float* variance, std::int64_t n, const math::MovingAverage& average) {
  launch(queue, update_kernel, blocks_for(n), kThreads, 0, moving_mean, moving_variance, mean, variance, n,
         average, queue.batch);
}

}  // namespace

void fill_batch_norm(Launchers& table) {
  table.batch_norm_forward = forward;
  table.batch_norm_inference = inference;
  table.batch_norm_backward = backward;
  table.batch_norm_inference_backward = inference_backward;
  table.batch_norm_update = update;
}

}  // namespace densor::cuda
