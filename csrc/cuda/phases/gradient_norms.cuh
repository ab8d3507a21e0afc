// Gradients as norms and rules see them, and the norms that clip them, by sums of squares in double: a block
// sums a chunk, or what the product that made a gradient has left of a variable. Reads 4 bytes an element, or
// next to nothing; with an accumulator or a mask 8 to 16 before that.
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/device/optimizer.cuh"
#include "cuda/phases/batch.cuh"
#include "math/clip.h"

namespace densor::cuda {

// Adds what was accumulated, and makes zeros of what the mask drops; where the rule waits, keeps the sum.
struct PrepareGradients {
  static constexpr PhaseKind kKind = PhaseKind::prepare_gradients;
  OptimizerPass pass;
  const Batch* batch;
  bool masked;

  template <int N>
  __device__ void prepare(std::int64_t i, bool applied) const {
    float g[N], sum[N];
    load(g, pass.gradients + i);
    if (pass.accumulator != nullptr) {
      load(sum, pass.accumulator + i);
#pragma unroll
      for (int e = 0; e < N; ++e) {
        g[e] += sum[e];
        sum[e] = applied ? 0.0f : g[e];
        g[e] *= pass.accumulation_scale;
      }
      store(pass.accumulator + i, sum);
    }
    if (!applied) return;
    const unsigned keeps = masked ? kept_from(pass.range.mask, i) : ~0u;
#pragma unroll
    for (int e = 0; e < N; ++e)
      if ((keeps >> e & 1u) == 0) g[e] = 0.0f;
    store(pass.gradients + i, g);
  }

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    const Hyper hyper(*batch, pass);
    const bool whole = wide(pass.gradients) && wide(pass.accumulator);
    Mine(pass, at.block_x).each_width(whole, [&]<int N>(Width<N>, std::int64_t i) {
      prepare<N>(i, hyper.applied);
    });
  }
};

__device__ inline double sum_range(const double* values, std::int64_t first, std::int64_t last) {
  double sum = 0.0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += kThreads) sum += values[i];
  return block_sum(sum);
}

// pass.squares: of all sums, or of all chunks, which has the same order.
struct GradientSquares {
  static constexpr PhaseKind kKind = PhaseKind::gradient_squares;
  OptimizerPass pass;
  bool by_chunks;

  __device__ double of_chunk(unsigned chunk) const {
    const Mine mine(pass, chunk);
    double sum = 0.0;
    if (!mine.frozen())
      mine.each([&](std::int64_t i) {
        const double g = pass.gradients[i];
        sum += g * g;
      });
    return block_sum(sum);
  }
  __device__ double of_sum(const OptimizerSum& item) const {
    if (item.squares == nullptr) return of_chunk(static_cast<unsigned>(item.chunk));
    const double sum = sum_range(item.squares, 0, item.count);
    return pass.segments[item.segment].multiplier == 0.0f ? 0.0 : sum;
  }
  __device__ void operator()(const Place& at) const {
    const double sum = by_chunks ? of_chunk(at.block_x) : of_sum(pass.sums[at.block_x]);
    if (at.thread_x == 0) pass.squares[at.block_x] = sum;
  }
};

// What brings the norm down that pass.squares in [first, last) are of, for every thread of the block.
__device__ inline float factor_of_squares(const OptimizerPass& pass, std::int64_t first, std::int64_t last) {
  const double squares = sum_range(pass.squares, first, last);
  const double norm = static_cast<double>(pass.range.clip_factor) * ::sqrt(squares);
  return math::clip_factor(norm, pass.global_norm > 0.0 ? pass.global_norm : pass.norm);
}

// The factor of a segment, where pass.squares are those of chunks.
__device__ inline float clip_factor_by_chunks(const OptimizerPass& pass, std::int32_t segment) {
  const float scale = pass.range.clip_factor;
  if (pass.global_norm > 0.0) return scale * factor_of_squares(pass, 0, pass.chunk_count);
  if (pass.norm <= 0.0) return scale;
  const OptimizerSegment& of = pass.segments[segment];
  return scale * factor_of_squares(pass, of.first, of.last);
}

}  // namespace densor::cuda
