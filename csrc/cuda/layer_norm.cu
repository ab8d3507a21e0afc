// Normalization of rows and its gradients, a team a row; the gradients of gamma and beta are sums over
// columns. Where a row stays in the L1 cache, forward reads 4 bytes an element and writes 4, backward reads 8
// and writes 4, parameters reads 8; of bfloat16 numbers half of that.
#include "cuda/device/team.cuh"

#include "cuda/device/abreast.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/table.h"
#include "math/batch_norm.h"
#include "math/layer_norm.h"
#include "math/operands.h"

namespace densor::cuda {

namespace {

using math::LayerNorm;
using math::LayerNormKind;

constexpr std::int64_t row_columns(const LayerNorm& p) { return p.spans * p.inner; }

// gamma and beta along one row.
struct Affine {
  const float *gamma, *beta;
  std::int64_t inner;
  bool repeats;

  __device__ Affine(const LayerNorm& p, std::int64_t row) : inner(p.inner), repeats(p.spans > 1) {
    const std::int64_t group = row % p.groups * p.inner;
    gamma = p.gamma != nullptr ? p.gamma + group : nullptr;
    beta = p.beta != nullptr ? p.beta + group : nullptr;
  }
  __device__ std::int64_t place(std::int64_t j) const { return repeats ? j % inner : j; }
  __device__ float scale(std::int64_t j) const { return gamma != nullptr ? gamma[place(j)] : 1.0f; }
  __device__ float shift(std::int64_t j) const { return beta != nullptr ? beta[place(j)] : 0.0f; }
};

// Mean, what its rounding lost, 1 / deviation.
struct RowStatistics {
  float center, lost, inverse;
};

template <class Team, class T>
__device__ RowStatistics row_statistics(const T* x, const LayerNorm& p) {
  const std::int64_t cols = row_columns(p);
  const auto count = static_cast<float>(cols);
  float center = 0.0f, lost = 0.0f;
  if (p.kind == LayerNormKind::layer) {
    const float pivot = to_float(x[0]);  // the first column is near the others
    const float offset = team_sum<Team>(cols, [&](std::int64_t j) { return to_float(x[j]) - pivot; }) / count;
    const math::SplitMean<float> split(pivot, offset);
    center = split.sum;
    lost = split.lost;
  }
  const float squares = team_sum<Team>(cols, [&](std::int64_t j) {
    const float u = to_float(x[j]) - center;
    return u * u;
  });
  return {center, lost, math::row_inverse(p.kind, squares, lost, count, p.epsilon)};
}

template <class Team, class T>
__global__ void forward_kernel(T* y, float* statistics, const T* x, std::int64_t rows, LayerNorm p) {
  const std::int64_t cols = row_columns(p);
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    const RowStatistics s = row_statistics<Team>(x + i * cols, p);
    if (Team::member() == 0) {
      float* saved = statistics + i * math::kLayerNormStatistics;
      saved[0] = s.center;
      saved[1] = s.lost;
      saved[2] = s.inverse;
    }
    const Affine affine(p, i);
    each_column<Team>(cols, [&](std::int64_t j) {
      const math::Normalization<float> n(affine.scale(j), affine.shift(j), s.inverse, s.lost);
      put(y + i * cols + j, math::fma(to_float(x[i * cols + j]) - s.center, n.scale, n.shift));
    });
  }
}

template <class Team, class T>
__global__ void backward_kernel(T* dx, const T* dy, const T* x, const float* statistics, std::int64_t rows,
                                LayerNorm p) {
  const std::int64_t cols = row_columns(p);
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    const float* saved = statistics + i * math::kLayerNormStatistics;
    const float center = saved[0], inverse = saved[2];
    const Affine affine(p, i);
    float sum = 0.0f, sum_u = 0.0f;
    each_column<Team>(cols, [&](std::int64_t j) {
      const float g = to_float(dy[i * cols + j]) * affine.scale(j);
      sum += g;
      sum_u = math::fma(g, to_float(x[i * cols + j]) - center, sum_u);
    });
    sum = Team::reduce(sum, Sum{});
    sum_u = Team::reduce(sum_u, Sum{});
    const math::RowGradient gradient(p.kind, sum, sum_u, saved[1], inverse, static_cast<float>(cols),
                                     p.epsilon);
    each_column<Team>(cols, [&](std::int64_t j) {
      const float g = to_float(dy[i * cols + j]) * affine.scale(j), u = to_float(x[i * cols + j]) - center;
      put(dx + i * cols + j, math::fma(g, inverse, math::fma(u, gradient.slope, gradient.shift)));
    });
  }
}

// Adds what one element contributes: dy to dbeta, dy times normalized x to dgamma.
__device__ __forceinline__ void add_element(float* sums, float dy, float x, const float* saved) {
  const float normalized = ((x - saved[0]) - saved[1]) * saved[2];
  sums[0] += dy;
  sums[1] = math::fma(dy, normalized, sums[1]);
}

// Elements that share one value of gamma, at most: so many rows, one of every `groups`, times the spans.
__host__ __device__ std::int64_t shared_elements(std::int64_t rows, const LayerNorm& p) {
  return divide_up(rows, p.groups) * p.spans;
}

// dgamma and dbeta (each may be null) of the parts, (parts, groups * inner).
template <class T>
__global__ void parameters_kernel(float* dgamma, float* dbeta, const T* dy, const T* x,
                                  const float* statistics, std::int64_t all_rows, LayerNorm p, bool pairs,
                                  const Batch* batch) {
  const std::int64_t values = p.groups * p.inner, cols = row_columns(p), rows = rows_of(batch, all_rows);
  const std::int64_t elements = shared_elements(rows, p);
  const WideTile<T> tile(launched(), pairs, elements, values, part_rows(elements));
  const std::int64_t group = tile.column / p.inner, column = tile.column % p.inner;
  float sums[2 * kAbreast<T>] = {};
  for (std::int64_t t = tile.begin + tile.warp; t < tile.end; t += kTileWarps) {
    const std::int64_t row = group + (p.spans == 1 ? t : t / p.spans) * p.groups;
    if (row >= rows) break;
    const std::int64_t at = row * cols + (p.spans == 1 ? 0 : t % p.spans) * p.inner + column;
    const Abreast<T> g = load(dy + at, tile.pairs), value = load(x + at, tile.pairs);
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k)
      add_element(sums + 2 * k, g.of[k], value.of[k], statistics + row * math::kLayerNormStatistics);
  }
  add_warps(tile, sums);
  if (!tile.first()) return;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) {
    if (!tile.has(k)) continue;
    const std::int64_t at = tile.part * values + tile.at(k);
    if (dbeta != nullptr) dbeta[at] = sums[2 * k];
    if (dgamma != nullptr) dgamma[at] = sums[2 * k + 1];
  }
}

// The same where all columns of a row share one value: a block a group.
template <class T>
__global__ void row_parameters_kernel(float* dgamma, float* dbeta, const T* dy, const T* x,
                                      const float* statistics, std::int64_t all_rows, LayerNorm p,
                                      const Batch* batch) {
  const std::int64_t cols = row_columns(p), rows = rows_of(batch, all_rows);
  for (std::int64_t group = blockIdx.x; group < p.groups; group += gridDim.x) {
    float sums[2] = {};
    for (std::int64_t i = group; i < rows; i += p.groups)
      for (std::int64_t j = threadIdx.x; j < cols; j += kThreads)
        add_element(sums, to_float(dy[i * cols + j]), to_float(x[i * cols + j]),
                    statistics + i * math::kLayerNormStatistics);
    const float of_beta = block_sum(sums[0]), of_gamma = block_sum(sums[1]);
    if (threadIdx.x != 0) continue;
    if (dbeta != nullptr) dbeta[group] = of_beta;
    if (dgamma != nullptr) dgamma[group] = of_gamma;
  }
}

template <class T>
void forward(const Queue& queue, T* y, float* statistics, const T* x, std::int64_t rows, const LayerNorm& p) {
  with_team(row_columns(p), [&](auto team) {
    launch(queue, forward_kernel<decltype(team), T>, team.blocks(rows), kThreads, 0, y, statistics, x, rows,
           p);
  });
}

template <class T>
void backward(const Queue& queue, T* dx, const T* dy, const T* x, const float* statistics, std::int64_t rows,
              const LayerNorm& p) {
  with_team(row_columns(p), [&](auto team) {
    launch(queue, backward_kernel<decltype(team), T>, team.blocks(rows), kThreads, 0, dx, dy, x, statistics,
           rows, p);
  });
}

template <class T>
void parameters(const Queue& queue, float* dgamma, float* dbeta, const T* dy, const T* x,
                const float* statistics, std::int64_t rows, const LayerNorm& p) {
  if (p.inner == 1) {
    launch(queue, row_parameters_kernel<T>, blocks_for(p.groups, 1), kThreads, 0, dgamma, dbeta, dy, x,
           statistics, rows, p, queue.batch);
    return;
  }
  const std::int64_t values = p.groups * p.inner, parts = column_parts(shared_elements(rows, p));
  float* rooms[2] = {queue.scratch, queue.scratch + parts * values};
  float* outputs[2] = {dgamma, dbeta};
  float* targets[2];
  for (int k = 0; k < 2; ++k) targets[k] = parts == 1 || outputs[k] == nullptr ? outputs[k] : rooms[k];
  const bool pairs = lie_in_pairs(p.inner, dy, x);
  launch(queue, parameters_kernel<T>, WideTile<T>::blocks(pairs, values, parts), tile_threads(), 0,
         targets[0], targets[1], dy, x, statistics, rows, p, pairs, queue.batch);
  if (parts == 1) return;
  for (int k = 0; k < 2; ++k)
    if (outputs[k] != nullptr) add_parts(queue, outputs[k], rooms[k], parts, values);
}

}  // namespace

void fill_layer_norm(Launchers& table) {
  table.layer_norm = {forward<float>, backward<float>, parameters<float>};
  table.layer_norm_of_halves = {forward<Half>, backward<Half>, parameters<Half>};
}

}  // namespace densor::cuda
