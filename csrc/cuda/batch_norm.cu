// Batch normalization of columns with a fused activation and dropout: phases/batch_norm.cuh. A product in
// front of it may have left the moments; many parts are put together by a launch between. Forward moves 12
// bytes an element, 8 behind a product; inference 8; of bfloat16 numbers half of that; dropout adds a bit.
#include "cuda/phases/batch_norm.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

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

std::vector<Span> read_by(const Queue& queue, Span x, const BatchNorm& p) {
  return {x, span(p.gamma, p.cols), span(p.beta, p.cols), span(queue.batch)};
}

// count: of the parts that every block merges.
template <bool kMerges, class T>
void normalize(const Queue& queue, T* y, const T* x, const Statistics& statistics, std::int64_t count,
               const FusedDropout& drop, const BatchNorm& p) {
  const std::int64_t parts = passes(p.rows), block_rows = divide_up(p.rows, parts);
  const bool pairs = lie_in_pairs(p.cols, y, x);
  std::vector<Span> reads = read_by(queue, span(x, p.rows * p.cols), p), writes{span(y, p.rows * p.cols)};
  statistics.note<kMerges>(reads, writes, count, p);
  const auto plain = [&](auto activation) {
    launch_phase(queue,
                 BatchNormNormalize<kMerges, T, decltype(activation)>{activation, y, x, statistics,
                                                                      block_rows, p, pairs, queue.batch},
                 WideTile<T>::blocks(pairs, p.cols, parts), tile_threads(), reads, writes);
  };
  if (drop.mask == nullptr) return with_activation_of(queue, p.activation, plain);
  writes.push_back(span(drop.mask, p.rows * math::mask_words(p.cols)));
  const dim3 blocks(static_cast<unsigned>(divide_up(p.cols, kDropoutColumns)), static_cast<unsigned>(parts));
  const auto dropping = [&](auto activation) {
    return BatchNormDropout<kMerges, T, decltype(activation)>{activation, y,          x, statistics,
                                                              drop,       block_rows, p, queue.batch};
  };
  if (queue.phases != nullptr)
    return note_phase(queue, dropping(LinearOrRelu{p.activation == math::Activation::relu}), blocks, kThreads,
                      reads, writes);
  with_chosen_activation(p.activation, [&](auto activation) {
    if constexpr (!std::is_same_v<decltype(activation), ChosenActivation>)  // the op allows no other
      launch_phase(queue, dropping(activation), blocks, kThreads, reads, writes);
  });
}

template <class T>
void one_part(const Queue& queue, T* y, float* mean, float* variance, const T* x, const BatchNorm& p) {
  const bool pairs = lie_in_pairs(p.cols, y, x);
  with_activation_of(queue, p.activation, [&](auto activation) {
    launch_phase(
        queue,
        BatchNormForward<T, decltype(activation)>{activation, y, mean, variance, x, p, pairs, queue.batch},
        WideTile<T>::blocks(pairs, p.cols, 1), tile_threads(), read_by(queue, span(x, p.rows * p.cols), p),
        {span(y, p.rows * p.cols), span(mean, p.cols), span(variance, p.cols)});
  });
}

// As phases, products leave no moments.
template <class T>
void forward(const Queue& queue, T* y, float* mean, float* variance, const T* x, const BatchNorm& p,
             const GivenMoments& given, const FusedDropout& drop) {
  if (p.cols == 0) return;
  std::int64_t count = column_parts(p.rows);
  const bool given_parts = given.parts != nullptr && queue.phases == nullptr;
  if (count == 1 && !given_parts && drop.mask == nullptr) return one_part(queue, y, mean, variance, x, p);
  float* lost = queue.scratch;
  MomentParts parts{given.parts, nullptr, given.part_rows};
  if (given_parts) {
    count = divide_up(p.rows, given.part_rows);
    parts.squares = given.parts + count * p.cols;
  } else {
    float *means = lost + p.cols, *squares = means + count * p.cols;
    parts = {means, squares, 0};
    const bool pairs = lie_in_pairs(p.cols, y, x);
    launch_phase(queue, BatchNormMoments<T>{means, squares, x, p, pairs, queue.batch},
                 WideTile<T>::blocks(pairs, p.cols, count), tile_threads(),
                 {span(x, p.rows * p.cols), span(queue.batch)}, {span(means, 2 * count * p.cols)});
  }
  const Statistics statistics{mean, variance, lost, parts, mean, variance};
  if (count <= kFewParts) return normalize<true>(queue, y, x, statistics, count, drop, p);
  launch(queue, statistics_kernel<T>, tile_blocks(p.cols, 1), tile_threads(), 0, mean, lost, variance, parts,
         x, p, queue.batch);
  normalize<false>(queue, y, x, statistics, 0, drop, p);
}

template <class T>
void inference(const Queue& queue, T* y, const T* x, const float* mean, const float* variance,
               const BatchNorm& p) {
  if (p.cols == 0) return;
  normalize<false>(queue, y, x, {mean, variance, nullptr, {}, nullptr, nullptr}, 0, {}, p);
}

void update(const Queue& queue, float* moving_mean, float* moving_variance, const float* mean,
            const float* variance, std::int64_t n, const math::MovingAverage& average) {
  const Span moving[] = {span(moving_mean, n), span(moving_variance, n)};
  launch_phase(queue, BatchNormUpdate{moving_mean, moving_variance, mean, variance, n, average, queue.batch},
               blocks_for(n), kThreads,
               {span(mean, n), span(variance, n), moving[0], moving[1], span(queue.batch)},
               {moving[0], moving[1]});
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
