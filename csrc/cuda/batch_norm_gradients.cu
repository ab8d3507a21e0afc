// Gradients of batch normalization with a fused activation and dropout. Batches of one part of rows take one
// launch, whose second look at the rows finds them in the L1 cache. Of larger ones a launch reads the rows
// for their sums, one puts the parts together and one reads the rows again: 20 bytes an element, 28 with an
// activation, 20 and two bits where dropout has left a mask of both; by given statistics 12 (16).
#include "cuda/device/chosen_activation.cuh"
#include "cuda/device/noise.cuh"
#include "cuda/device/normalization.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/table.h"
#include "math/bf16_split.h"

namespace densor::cuda {

namespace {

using math::BatchNorm;
using math::BatchNormGradients;

// What a backward pass reads, and dx, which may be one of them or null.
struct Arrays {
  float* dx;
  const float *dy, *x, *y;
  PassedGradient passed;
};

// In the place of an activation: the mask has what it and dropout let pass.
struct Masked {};

// Of dy, by dropout and activation.
__device__ __forceinline__ float passed_gradient(const PassedGradient& passed, float dy, std::int64_t row,
                                                 std::int64_t col, std::int64_t cols) {
  const unsigned word = passed.mask[row * math::mask_words(cols) + col / kNoiseLanes];
  const float dx = (word >> col % kNoiseLanes & 1) != 0 ? dy * passed.scale : 0.0f;
  return passed.rounded ? math::bf16_round(dx) : dx;
}

// The gradient behind the activation and u = x - mean, of kRowsAhead rows from i on; 0 behind the last.
struct RowsAhead {
  float dz[kRowsAhead], u[kRowsAhead];

  template <class A>
  __device__ RowsAhead(const ColumnTile& tile, [[maybe_unused]] const A& activation, const Arrays& a,
                       float mean, std::int64_t i, const BatchNorm& p) {
#pragma unroll
    for (int r = 0; r < kRowsAhead; ++r) {
      const std::int64_t row = i + r * kTileWarps, at = row * p.ld + tile.column;
      const bool there = row < tile.end;
      dz[r] = there ? a.dy[at] : 0.0f;
      u[r] = there ? a.x[at] - mean : 0.0f;
      if constexpr (std::is_same_v<A, Masked>)
        dz[r] = there ? passed_gradient(a.passed, dz[r], row, tile.column, p.cols) : 0.0f;
      else if constexpr (!A::kLinear)
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
              const float* y, const float* mean, const float* variance, const BatchNorm& p,
              const PassedGradient& passed) {
  if (p.cols == 0) return;
  const Arrays a{d.dx, dy, x, y, passed};
  const std::int64_t parts = column_parts(p.rows), some = passes(p.rows);
  float *factors = queue.scratch, *part_sums = factors + 3 * p.cols;
  const auto run = [&](auto activation) {
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
  };
  if (passed.mask != nullptr)
    run(Masked{});
  else
    with_chosen_activation(p.activation, run);
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
           activation, queue.scratch, Arrays{d.dx, dy, x, y, {}}, mean, variance, p, queue.batch);
  });
  if (d.dgamma == nullptr && d.dbeta == nullptr) return;
  launch(queue, inference_parameters_kernel, blocks_for(p.cols), kThreads, 0, d.dgamma, d.dbeta,
         queue.scratch, variance, parts, p);
}

}  // namespace

void fill_batch_norm_gradients(Launchers& table) {
  table.batch_norm_backward = backward;
  table.batch_norm_inference_backward = inference_backward;
}

}  // namespace densor::cuda
