// Batch normalization of columns with a fused activation and dropout, and its moving statistics. Batches of
// one part of rows take one phase, whose second look at the rows finds them in the L1 cache. Of larger ones,
// and with dropout, a phase finds the moments of the parts, and the blocks that read the rows again merge
// them.
#pragma once

#include "cuda/device/normalized_dropout.cuh"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

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
struct BatchNormForward {
  static constexpr PhaseKind kKind = kind_of_float<T, A, ChosenActivation>(PhaseKind::batch_norm_forward);
  A activation;
  T* y;
  float *mean, *variance;
  const T* x;
  BatchNorm all;
  bool pairs;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = rows_there(all, batch);
    const WideTile<T> tile(at, pairs, p.rows, p.cols);
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
};

// Moments of the parts, (parts, cols), of what is left of x without the first row of the part.
template <class T>
struct BatchNormMoments {
  static constexpr PhaseKind kKind =
      sizeof(T) == sizeof(float) ? PhaseKind::batch_norm_moments : PhaseKind::none;
  float *part_mean, *part_squares;
  const T* x;
  BatchNorm all;
  bool pairs;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = rows_there(all, batch);
    const WideTile<T> tile(at, pairs, p.rows, p.cols, part_rows(p.rows));
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
};

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
  // What a pass reads and writes of it.
  template <bool kMerges>
  void note(std::vector<Span>& reads, std::vector<Span>& writes, std::int64_t count,
            const BatchNorm& p) const {
    if constexpr (kMerges) {
      reads.insert(reads.end(), {span(parts.mean, count * p.cols), span(parts.squares, count * p.cols)});
      writes.insert(writes.end(), {span(found_mean, p.cols), span(found_variance, p.cols)});
    } else {
      reads.insert(reads.end(), {span(mean, p.cols), span(variance, p.cols), span(lost, p.cols)});
    }
  }
};

template <bool kMerges, class T, class A>
struct BatchNormNormalize {
  static constexpr PhaseKind kKind = kind_of_float<T, A, ChosenActivation>(
      kMerges ? PhaseKind::batch_norm_merge : PhaseKind::batch_norm_normalize);
  A activation;
  T* y;
  const T* x;
  Statistics statistics;
  std::int64_t block_rows;
  BatchNorm all;
  bool pairs;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = kMerges ? rows_there(all, batch) : all;
    const WideTile<T> tile(at, pairs, p.rows, p.cols, block_rows);
    Abreast<T, ColumnNorm> columns;
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k)
      columns.of[k] = statistics.of<kMerges>(tile.at(k), x, tile.part == 0 && tile.first() && tile.has(k), p);
    normalize_rows(tile, activation, y, x, columns, p);
  }
};

// The same and dropout in one pass.
template <bool kMerges, class T, class A>
struct BatchNormDropout {
  static constexpr PhaseKind kKind =
      kMerges ? kind_of_float<T, A, LinearOrRelu>(PhaseKind::batch_norm_dropout) : PhaseKind::none;
  static constexpr int kTogether = kMerges ? 1 : kBlocksTogether;
  A activation;
  T* y;
  const T* x;
  Statistics statistics;
  FusedDropout drop;
  std::int64_t block_rows;
  BatchNorm all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    DENSOR_SHARED(ColumnNorm[kDropoutColumns], columns);
    const BatchNorm p = rows_there(all, batch);
    const std::int64_t left = at.block_x * kDropoutColumns;
    if (at.thread_x < kDropoutColumns && left + at.thread_x < p.cols)
      columns[at.thread_x] = statistics.of<kMerges>(left + at.thread_x, x, at.block_y == 0, p);
    __syncthreads();
    const std::int64_t begin = at.block_y * block_rows;
    const std::int64_t end = begin + block_rows < p.rows ? begin + block_rows : p.rows;
    drop_rows(activation, DropTile<T>{y, x, columns, left, begin, end}, drop, p, batch->step);
    __syncthreads();  // the columns of the next block are stored there
  }
};

struct BatchNormUpdate {
  static constexpr PhaseKind kKind = PhaseKind::batch_norm_update;
  float *moving_mean, *moving_variance;
  const float *mean, *variance;
  std::int64_t n;
  math::MovingAverage average;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    for (std::int64_t j = at.first_item(); j < n; j += at.item_stride()) {
      const bool untouched = average.from_first && moving_mean[j] == 0.0f && moving_variance[j] == 1.0f;
      const float spread = variance[j] * average.correction;
      moving_mean[j] =
          untouched ? mean[j] : math::moving_average(moving_mean[j], mean[j], average.momentum, average.rest);
      moving_variance[j] =
          untouched ? spread
                    : math::moving_average(moving_variance[j], spread, average.momentum, average.rest);
    }
  }
};

}  // namespace densor::cuda
