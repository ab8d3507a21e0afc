// Batch normalization of columns with a fused activation and dropout. Batches of one part of rows take one
// launch, whose second look at the rows finds them in the L1 cache. Of larger ones a launch reads the rows
// for their moments, unless the product that made them has left these; the blocks that read the rows again
// put few parts together themselves, and a launch between does many. Forward moves 12 bytes an element, 8
// behind a product; inference 8; of bfloat16 numbers half of that; dropout adds a bit.
#include "cuda/device/chosen_activation.cuh"
#include "cuda/device/normalized_dropout.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

using math::BatchNorm;

// y in the rows of a part.
template <class T, class A>
__device__ void normalize_rows(const WideTile<T>& tile, const A& activation, T* y, const T* x,
                               const Abreast<T, ColumnNorm>& columns, const BatchNorm& p) {
  if (!tile.inside) return;
  each_group<T, kRowsAhead>(tile, [&]<class Group>(const Group& group) {
    Abreast<T> u[Group::kCount];
#pragma unroll
    for (int r = 0; r < Group::kCount; ++r)
      u[r] = load_if(group.has(tile, r), x + group.row(r) * p.ld + tile.column, tile.pairs);
#pragma unroll
    for (int r = 0; r < Group::kCount; ++r) {
      if (!group.has(tile, r)) continue;
#pragma unroll
      for (int k = 0; k < kAbreast<T>; ++k) {
        const ColumnNorm& c = columns.of[k];
        u[r].of[k] = activation.value(math::fma(u[r].of[k] - c.mean, c.scale, c.shift), p.alpha);
      }
      store(y + group.row(r) * p.ld + tile.column, u[r], tile.pairs);
    }
  });
}

// All of forward, for one part.
template <class T, class A>
__global__ void forward_kernel(A activation, T* y, float* mean, float* variance, const T* x, BatchNorm p,
                               bool pairs, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const WideTile<T> tile(pairs, p.rows, p.cols);
  const Abreast<T> pivot = load(x + tile.column, tile.pairs);  // the first row is near the others
  const Abreast<T, RowMoments> m = tile_moments(tile, x, pivot, p.ld);
  Abreast<T, ColumnNorm> columns;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) {
    const math::SplitMean<float> split(pivot.of[k], m.of[k].mean);
    const float spread = m.of[k].squares / static_cast<float>(p.rows);
    columns.of[k] = ColumnNorm::of(p, tile.at(k), split.sum, spread, split.lost);
    if (!tile.first() || !tile.has(k)) continue;
    mean[tile.at(k)] = split.sum;
    variance[tile.at(k)] = spread;
  }
  normalize_rows(tile, activation, y, x, columns, p);
}

// Moments of the parts, (parts, cols), of what is left of x without the first row of the part.
template <class T>
__global__ void moments_kernel(float* part_mean, float* part_squares, const T* x, BatchNorm p, bool pairs,
                               const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const WideTile<T> tile(pairs, p.rows, p.cols, part_rows(p.rows));
  if (tile.begin >= p.rows) return;
  const Abreast<T> pivot = load(x + tile.begin * p.ld + tile.column, tile.pairs);
  const Abreast<T, RowMoments> m = tile_moments(tile, x, pivot, p.ld);
  if (!tile.first()) return;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) {
    if (!tile.has(k)) continue;
    part_mean[tile.part * p.cols + tile.at(k)] = m.of[k].mean;
    part_squares[tile.part * p.cols + tile.at(k)] = m.of[k].squares;
  }
}

inline constexpr int kFewParts = 8;

struct MomentParts {
  const float *mean, *squares;
  std::int64_t given_rows;  // of a part, 0: as part_rows() says

  __device__ std::int64_t rows(const BatchNorm& p) const {
    return given_rows > 0 ? given_rows : part_rows(p.rows);
  }
  __device__ std::int64_t count(const BatchNorm& p) const { return divide_up(p.rows, rows(p)); }
  // Of parts [first, last) of column j, without the first row of x; kAhead of them are on their way together.
  template <int kAhead, class T>
  __device__ RowMoments merged(std::int64_t j, std::int64_t first, std::int64_t last, const T* x,
                               const BatchNorm& p) const {
    const float pivot = to_float(x[j]);
    const std::int64_t each = rows(p);
    RowMoments total{};
    for (std::int64_t begin = first; begin < last; begin += kAhead) {
      RowMoments part[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const std::int64_t at = begin + k, row = at * each, left = p.rows - row;
        part[k].count = at >= last ? 0 : left < each ? left : each;
        part[k].mean = at < last ? mean[at * p.cols + j] + (to_float(x[row * p.ld + j]) - pivot) : 0.0f;
        part[k].squares = at < last ? squares[at * p.cols + j] : 0.0f;
      }
#pragma unroll
      for (int k = 0; k < kAhead; ++k) total.merge(part[k]);
    }
    return total;
  }
};

struct ColumnStatistics {
  float mean, lost, variance;  // lost: by the rounding of the mean

  __device__ static ColumnStatistics of(float pivot, const RowMoments& m, const BatchNorm& p) {
    const math::SplitMean<float> split(pivot, m.mean);
    return {split.sum, split.lost, m.squares / static_cast<float>(p.rows)};
  }
};

// Where they are, or what they are merged from by every block, if the parts are few.
struct Statistics {
  const float *mean, *variance, *lost;  // lost may be null: 0
  MomentParts parts;
  float *found_mean, *found_variance;

  template <bool kMerges, class T>
  __device__ ColumnNorm of(std::int64_t j, [[maybe_unused]] const T* x, [[maybe_unused]] bool keeps,
                           const BatchNorm& p) const {
    if constexpr (!kMerges) return ColumnNorm::of(p, j, mean[j], variance[j], value_or(lost, j, 0.0f));
    const auto found = ColumnStatistics::of(
        to_float(x[j]), parts.merged<kFewParts / kAbreast<T>>(j, 0, parts.count(p), x, p), p);
    if (keeps) {
      found_mean[j] = found.mean;
      found_variance[j] = found.variance;
    }
    return ColumnNorm::of(p, j, found.mean, found.variance, found.lost);
  }
};

// A block has 32 columns, whose parts its warps share.
template <class T>
__global__ void statistics_kernel(float* mean, float* lost, float* variance, MomentParts parts, const T* x,
                                  BatchNorm p, const Batch* batch) {
  DENSOR_SHARED(RowMoments[kTileWarps][kTileColumns], of_warp);
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols);
  const std::int64_t count = parts.count(p), each = divide_up(count, kTileWarps), first = tile.warp * each;
  const std::int64_t last = first + each < count ? first + each : count;
  of_warp[tile.warp][tile.lane] = parts.merged<kFewParts>(tile.column, first, last, x, p);
  __syncthreads();
  if (!tile.first()) return;
  RowMoments total{};
  for (int w = 0; w < kTileWarps; ++w) total.merge(of_warp[w][tile.lane]);
  const ColumnStatistics found = ColumnStatistics::of(to_float(x[tile.column]), total, p);
  mean[tile.column] = found.mean;
  lost[tile.column] = found.lost;
  variance[tile.column] = found.variance;
}

template <bool kMerges, class T, class A>
__global__ void normalize_kernel(A activation, T* y, const T* x, Statistics statistics,
                                 std::int64_t block_rows, BatchNorm p, bool pairs, const Batch* batch) {
  if constexpr (kMerges) p.rows = rows_of(batch, p.rows);
  const WideTile<T> tile(pairs, p.rows, p.cols, block_rows);
  Abreast<T, ColumnNorm> columns;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k)
    columns.of[k] = statistics.of<kMerges>(tile.at(k), x, tile.part == 0 && tile.first() && tile.has(k), p);
  normalize_rows(tile, activation, y, x, columns, p);
}

// The same and dropout in one pass.
template <bool kMerges, class T, class A>
__global__ void __launch_bounds__(kThreads, kMerges ? 1 : kBlocksTogether)
    drop_kernel(A activation, T* y, const T* x, Statistics statistics, FusedDropout drop,
                std::int64_t block_rows, BatchNorm p, const Batch* batch) {
  DENSOR_SHARED(ColumnNorm[kDropoutColumns], columns);
  p.rows = rows_of(batch, p.rows);
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x) * kDropoutColumns;
  if (thread < kDropoutColumns && left + thread < p.cols)
    columns[thread] = statistics.of<kMerges>(left + thread, x, blockIdx.y == 0, p);
  __syncthreads();
  const std::int64_t begin = blockIdx.y * block_rows;
  const std::int64_t end = begin + block_rows < p.rows ? begin + block_rows : p.rows;
  drop_rows(activation, DropTile<T>{y, x, columns, left, begin, end}, drop, p, batch->step);
}

template <bool kMerges, class T>
void normalize(const Queue& queue, T* y, const T* x, const Statistics& statistics, const FusedDropout& drop,
               const BatchNorm& p) {
  const std::int64_t parts = passes(p.rows), block_rows = divide_up(p.rows, parts);
  const bool pairs = lie_in_pairs(p.cols, y, x);
  with_chosen_activation(p.activation, [&](auto activation) {
    using A = decltype(activation);
    if (drop.mask == nullptr)
      return launch(queue, normalize_kernel<kMerges, T, A>, WideTile<T>::blocks(pairs, p.cols, parts),
                    tile_threads(), 0, activation, y, x, statistics, block_rows, p, pairs, queue.batch);
    if constexpr (!std::is_same_v<A, ChosenActivation>)  // the op allows no other
      launch(queue, drop_kernel<kMerges, T, A>,
             dim3(static_cast<unsigned>(divide_up(p.cols, kDropoutColumns)), static_cast<unsigned>(parts)),
             kThreads, 0, activation, y, x, statistics, drop, block_rows, p, queue.batch);
  });
}

template <class T>
void forward(const Queue& queue, T* y, float* mean, float* variance, const T* x, const BatchNorm& p,
             const GivenMoments& given, const FusedDropout& drop) {
  if (p.cols == 0) return;
  std::int64_t count = column_parts(p.rows);
  const bool pairs = lie_in_pairs(p.cols, y, x);
  if (count == 1 && given.parts == nullptr && drop.mask == nullptr) {
    with_chosen_activation(p.activation, [&](auto activation) {
      launch(queue, forward_kernel<T, decltype(activation)>, WideTile<T>::blocks(pairs, p.cols, 1),
             tile_threads(), 0, activation, y, mean, variance, x, p, pairs, queue.batch);
    });
    return;
  }
  float* lost = queue.scratch;
  MomentParts parts{given.parts, nullptr, given.part_rows};
  if (given.parts != nullptr) {
    count = divide_up(p.rows, given.part_rows);
    parts.squares = given.parts + count * p.cols;
  } else {
    float *means = lost + p.cols, *squares = means + count * p.cols;
    parts = {means, squares, 0};
    launch(queue, moments_kernel<T>, WideTile<T>::blocks(pairs, p.cols, count), tile_threads(), 0, means,
           squares, x, p, pairs, queue.batch);
  }
  const Statistics statistics{mean, variance, lost, parts, mean, variance};
  if (count <= kFewParts) return normalize<true>(queue, y, x, statistics, drop, p);
  launch(queue, statistics_kernel<T>, tile_blocks(p.cols, 1), tile_threads(), 0, mean, lost, variance, parts,
         x, p, queue.batch);
  normalize<false>(queue, y, x, statistics, drop, p);
}

template <class T>
void inference(const Queue& queue, T* y, const T* x, const float* mean, const float* variance,
               const BatchNorm& p) {
  if (p.cols == 0) return;
  normalize<false>(queue, y, x, {mean, variance, nullptr, {}, nullptr, nullptr}, {}, p);
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
  table.batch_norm.forward = forward<float>;
  table.batch_norm.inference = inference<float>;
  table.batch_norm_of_halves.forward = forward<Half>;
  table.batch_norm_of_halves.inference = inference<Half>;
  table.batch_norm_update = update;
}

}  // namespace densor::cuda
