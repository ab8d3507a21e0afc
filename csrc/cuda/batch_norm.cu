// Batch normalization of columns with a fused activation and dropout. Batches of one part of rows take one
// launch, whose second look at the rows finds them in the L1 cache. Of larger ones a launch reads the rows
// for their moments, unless the product that made them has left these; the blocks that read the rows again
// put few parts together themselves, and a launch between does many. Forward moves 12 bytes an element, 8
// behind a product; inference 8; dropout adds a bit.
#include "cuda/device/chosen_activation.cuh"
#include "cuda/device/normalization.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/phases/dropout.cuh"
#include "cuda/table.h"
#include "math/bf16_split.h"

namespace densor::cuda {

namespace {

using math::BatchNorm;

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

// Moments of the parts, (parts, cols), of what is left of x without the first row of the part.
__global__ void moments_kernel(float* part_mean, float* part_squares, const float* x, BatchNorm p,
                               const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols, part_rows(p.rows));
  if (tile.begin >= p.rows) return;
  const RowMoments m = tile_moments(tile, x, x[tile.begin * p.ld + tile.column], p.ld);
  if (!tile.first()) return;
  part_mean[tile.part * p.cols + tile.column] = m.mean;
  part_squares[tile.part * p.cols + tile.column] = m.squares;
}

struct MomentParts {
  const float *mean, *squares;
  std::int64_t given_rows;  // of a part, 0: as part_rows() says

  __device__ std::int64_t rows(const BatchNorm& p) const {
    return given_rows > 0 ? given_rows : part_rows(p.rows);
  }
  __device__ std::int64_t count(const BatchNorm& p) const { return divide_up(p.rows, rows(p)); }
  // Of parts [first, last) of column j, without the first row of x.
  __device__ RowMoments merged(std::int64_t j, std::int64_t first, std::int64_t last, const float* x,
                               const BatchNorm& p) const {
    constexpr int kAhead = 8;  // parts that are on their way together
    const float pivot = x[j];
    const std::int64_t each = rows(p);
    RowMoments total{};
    for (std::int64_t begin = first; begin < last; begin += kAhead) {
      RowMoments part[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const std::int64_t at = begin + k, row = at * each, left = p.rows - row;
        part[k].count = at >= last ? 0 : left < each ? left : each;
        part[k].mean = at < last ? mean[at * p.cols + j] + (x[row * p.ld + j] - pivot) : 0.0f;
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
inline constexpr std::int64_t kFewParts = 8;
struct Statistics {
  const float *mean, *variance, *lost;  // lost may be null: 0
  MomentParts parts;
  float *found_mean, *found_variance;

  template <bool kMerges>
  __device__ ColumnStatistics of(std::int64_t j, [[maybe_unused]] const float* x, [[maybe_unused]] bool keeps,
                                 [[maybe_unused]] const BatchNorm& p) const {
    if constexpr (!kMerges) return {mean[j], value_or(lost, j, 0.0f), variance[j]};
    const ColumnStatistics found = ColumnStatistics::of(x[j], parts.merged(j, 0, parts.count(p), x, p), p);
    if (keeps) {
      found_mean[j] = found.mean;
      found_variance[j] = found.variance;
    }
    return found;
  }
};

// A block has 32 columns, whose parts its warps share.
__global__ void statistics_kernel(float* mean, float* lost, float* variance, MomentParts parts,
                                  const float* x, BatchNorm p, const Batch* batch) {
  DENSOR_SHARED(RowMoments[kTileWarps][kTileColumns], of_warp);
  p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols);
  const std::int64_t count = parts.count(p), each = divide_up(count, kTileWarps), first = tile.warp * each;
  const std::int64_t last = first + each < count ? first + each : count;
  of_warp[tile.warp][tile.lane] = parts.merged(tile.column, first, last, x, p);
  __syncthreads();
  if (!tile.first()) return;
  RowMoments total{};
  for (int w = 0; w < kTileWarps; ++w) total.merge(of_warp[w][tile.lane]);
  const ColumnStatistics found = ColumnStatistics::of(x[tile.column], total, p);
  mean[tile.column] = found.mean;
  lost[tile.column] = found.lost;
  variance[tile.column] = found.variance;
}

template <bool kMerges, class A>
__global__ void normalize_kernel(A activation, float* y, const float* x, Statistics statistics,
                                 std::int64_t block_rows, BatchNorm p, const Batch* batch) {
  if constexpr (kMerges) p.rows = rows_of(batch, p.rows);
  const ColumnTile tile(p.rows, p.cols, block_rows);
  const std::int64_t j = tile.column;
  const ColumnStatistics s = statistics.of<kMerges>(j, x, tile.part == 0 && tile.first(), p);
  normalize_rows(tile, activation, y, x, s.mean, normalization(p, j, s.variance, s.lost), p);
}

// The same and dropout in one pass. A block has 128 columns, those of a block of noise: sixteen lanes of a
// row have eight columns each, sixteen apart. The mask tells what dropout and activation let pass.
template <bool kMerges, class A>
__global__ void __launch_bounds__(kThreads)
    drop_kernel(A activation, float* y, const float* x, Statistics statistics, FusedDropout drop,
                std::int64_t block_rows, BatchNorm p, const Batch* batch) {
  DENSOR_SHARED(float[kDropoutColumns], mean);
  DENSOR_SHARED(float[kDropoutColumns], scale);
  DENSOR_SHARED(float[kDropoutColumns], shift);
  p.rows = rows_of(batch, p.rows);
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x) * kDropoutColumns;
  if (thread < kDropoutColumns && left + thread < p.cols) {
    const ColumnStatistics s = statistics.of<kMerges>(left + thread, x, blockIdx.y == 0, p);
    const auto n = normalization(p, left + thread, s.variance, s.lost);
    mean[thread] = s.mean, scale[thread] = n.scale, shift[thread] = n.shift;
  }
  __syncthreads();
  const std::int64_t begin = blockIdx.y * block_rows, words = math::mask_words(p.cols);
  const std::int64_t end = begin + block_rows < p.rows ? begin + block_rows : p.rows;
  const int warp = thread / kWarpSize, lane = thread % kNoiseLanes;
  for (std::int64_t two = begin + 2 * warp; two < end; two += 2 * (kThreads / kWarpSize)) {
    const NoisePlace at{two + thread % kWarpSize / kNoiseLanes, blockIdx.x, static_cast<std::uint32_t>(lane)};
    const NoiseWords bits = at.words(drop.noise, batch->step);
    float u[kDropoutGroups];
    std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
    for (int g = 0; g < kDropoutGroups; ++g) {
      const int j = g * kNoiseLanes + lane;
      u[g] = at.row < end && left + j < p.cols ? x[at.row * p.ld + left + j] - mean[j] : 0.0f;
    }
#pragma unroll
    for (int g = 0; g < kDropoutGroups; ++g) {
      const int j = g * kNoiseLanes + lane;
      const bool inside = at.row < end && left + j < p.cols, keep = half_word(bits, g) >= drop.threshold;
      const float exact = activation.value(math::fma(u[g], scale[j], shift[j]), p.alpha);
      const float value = drop.rounded ? math::bf16_round(exact) : exact;
      if (inside)
        y[at.row * p.ld + left + j] =
            keep ? math::fma(value, drop.map.scale, drop.map.shift) : drop.map.dropped;
      const std::uint32_t word = mask_word(inside && keep && activation.derivative(value, p.alpha) != 0.0f);
      if (lane == g) own = word;
    }
    const std::int64_t word = left / kNoiseLanes + lane;
    if (at.row < end && lane < kDropoutGroups && word < words)
      drop.mask[at.row * words + word] = static_cast<std::uint16_t>(own);
  }
}

template <bool kMerges>
void normalize(const Queue& queue, float* y, const float* x, const Statistics& statistics,
               const FusedDropout& drop, const BatchNorm& p) {
  const std::int64_t parts = passes(p.rows), block_rows = divide_up(p.rows, parts);
  with_chosen_activation(p.activation, [&](auto activation) {
    using A = decltype(activation);
    if (drop.mask == nullptr)
      launch(queue, normalize_kernel<kMerges, A>, tile_blocks(p.cols, parts), tile_threads(), 0, activation,
             y, x, statistics, block_rows, p, queue.batch);
    else
      launch(queue, drop_kernel<kMerges, A>,
             dim3(static_cast<unsigned>(divide_up(p.cols, kDropoutColumns)), static_cast<unsigned>(parts)),
             kThreads, 0, activation, y, x, statistics, drop, block_rows, p, queue.batch);
  });
}

void forward(const Queue& queue, float* y, float* mean, float* variance, const float* x, const BatchNorm& p,
             const GivenMoments& given, const FusedDropout& drop) {
  if (p.cols == 0) return;
  std::int64_t count = column_parts(p.rows);
  if (count == 1 && given.parts == nullptr && drop.mask == nullptr) {
    with_chosen_activation(p.activation, [&](auto activation) {
      launch(queue, forward_kernel<decltype(activation)>, tile_blocks(p.cols, 1), tile_threads(), 0,
             activation, y, mean, variance, x, p, queue.batch);
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
    launch(queue, moments_kernel, tile_blocks(p.cols, count), tile_threads(), 0, means, squares, x, p,
           queue.batch);
  }
  const Statistics statistics{mean, variance, lost, parts, mean, variance};
  if (count <= kFewParts) return normalize<true>(queue, y, x, statistics, drop, p);
  launch(queue, statistics_kernel, tile_blocks(p.cols, 1), tile_threads(), 0, mean, lost, variance, parts, x,
         p, queue.batch);
  normalize<false>(queue, y, x, statistics, drop, p);
}

void inference(const Queue& queue, float* y, const float* x, const float* mean, const float* variance,
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
  table.batch_norm_forward = forward;
  table.batch_norm_inference = inference;
  table.batch_norm_update = update;
}

}  // namespace densor::cuda
