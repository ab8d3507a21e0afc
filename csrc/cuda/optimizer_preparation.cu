// What Adafactor and Muon do with whole variables before the parameters change. Adafactor reads the gradient
// three times: for the rows, for the columns, and for v, which it writes; 24 bytes an element with the
// weights. Muon's direction takes 16, and the products of matrices that the op puts behind it.
#include "cuda/device/reduce.cuh"

#include "cuda/device/columns.cuh"
#include "cuda/device/optimizer.cuh"
#include "cuda/table.h"
#include "math/clip.h"

namespace densor::cuda {

namespace {

// The numbers of Adafactor for a segment, and whether there is anything to do in it.
struct AdafactorSegment {
  Hyper hyper;
  OptimizerSegment segment;
  Coefficients<math::Adafactor> numbers;
  float clip_factor, clip_value;

  __device__ AdafactorSegment(const OptimizerPass& pass, const Batch& batch, std::int32_t index)
      : hyper(batch, pass),
        segment(pass.segments[index]),
        numbers(hyper, segment.multiplier),
        clip_factor(clip_factor_of(pass, index)),
        clip_value(pass.range.clip_value) {}

  __device__ bool idle() const { return !hyper.applied || segment.multiplier == 0.0f; }
  __device__ float clipped(float g) const { return math::clip_value(g * clip_factor, clip_value); }
  // b r + (1 - b) (mean of squares + e1)
  __device__ float moved(float r, float mean) const {
    const float b = numbers.c[1];
    return b * r + (1.0f - b) * (mean + numbers.c[2]);
  }
};

// r of all rows of a variable, a block for each.
__global__ void rows_kernel(OptimizerPass pass, const Batch* batch, std::int32_t index, std::int64_t rows) {
  if (refused(batch)) return;
  const AdafactorSegment of(pass, *batch, index);
  if (of.idle()) return;
  const std::int64_t cols = of.segment.cols;
  float* r = pass.range.slots[0] + of.segment.begin;
  for (std::int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
    const float* g = pass.gradients + of.segment.begin + i * cols;
    double sum = 0.0;
    for (std::int64_t j = threadIdx.x; j < cols; j += kThreads) {
      const float x = of.clipped(g[j]);
      sum += static_cast<double>(x * x);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) r[i] = of.moved(r[i], static_cast<float>(sum / static_cast<double>(cols)));
  }
}

// c of the columns of all matrices of a variable, which lie along y, and the means of r.
__global__ void columns_kernel(OptimizerPass pass, const Batch* batch, std::int32_t index,
                               std::int64_t count) {
  if (refused(batch)) return;
  const AdafactorSegment of(pass, *batch, index);
  if (of.idle()) return;
  const std::int64_t rows = of.segment.rows, cols = of.segment.cols;
  const ColumnTile tile(rows, cols);
  for (std::int64_t matrix = blockIdx.y; matrix < count; matrix += gridDim.y) {
    const float* g = pass.gradients + of.segment.begin + matrix * rows * cols;
    float sum[1] = {0.0f};
    for (std::int64_t i = tile.warp; i < rows; i += kTileWarps) {
      const float x = of.clipped(g[i * cols + tile.column]);
      sum[0] += x * x;
    }
    add_warps(tile, sum);
    float* c = pass.range.slots[1] + of.segment.begin + matrix * cols;
    if (tile.first()) c[tile.column] = of.moved(c[tile.column], sum[0] / static_cast<float>(rows));
  }
}

// The mean of r of every matrix of a variable, a block for each.
__global__ void means_kernel(OptimizerPass pass, std::int32_t index, std::int64_t count) {
  const OptimizerSegment segment = pass.segments[index];
  for (std::int64_t matrix = blockIdx.x; matrix < count; matrix += gridDim.x) {
    const float* r = pass.range.slots[0] + segment.begin + matrix * segment.rows;
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < segment.rows; i += kThreads) sum += static_cast<double>(r[i]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) pass.means[segment.first_mean + matrix] = sum / static_cast<double>(segment.rows);
  }
}

// v of parameter `i`.
__device__ float adafactor_moment(const OptimizerPass& pass, const AdafactorSegment& of, std::int64_t i,
                                  float g) {
  const OptimizerSegment& segment = of.segment;
  if (segment.rows == 0) {
    const float b = of.numbers.c[1], rest = 1.0f - b;
    return math::fma(b, pass.range.slots[2][i], rest * math::fma(g, g, of.numbers.c[2]));
  }
  const std::int64_t at = i - segment.begin, row = at / segment.cols, matrix = row / segment.rows;
  const float r = pass.range.slots[0][segment.begin + row];
  const float c = pass.range.slots[1][segment.begin + matrix * segment.cols + at % segment.cols];
  return r * static_cast<float>(static_cast<double>(c) / pass.means[segment.first_mean + matrix]);
}

// v, the decay of the weights, and the sums of squares behind the factor of a variable.
__global__ void moments_kernel(OptimizerPass pass, const Batch* batch) {
  if (refused(batch)) return;
  const Mine mine(pass);
  const AdafactorSegment of(pass, *batch, mine.chunk.segment);
  const float decay = mine.segment.decayed ? of.hyper.decay * mine.segment.multiplier : 0.0f;
  const math::OptimizerRange& range = pass.range;
  double weights = 0.0, steps = 0.0;
  if (!of.idle())
    mine.each([&](std::int64_t i) {
      const float g = of.clipped(pass.gradients[i]), v = adafactor_moment(pass, of, i, g);
      const float w = decayed(range.w[i], decay), u = math::Adafactor::direction(g, v);
      range.slots[2][i] = v;
      range.w[i] = w;
      weights += static_cast<double>(w) * static_cast<double>(w);
      steps += static_cast<double>(u) * static_cast<double>(u);
    });
  weights = block_sum(weights);
  steps = block_sum(steps);
  if (threadIdx.x == 0) pass.trust[blockIdx.x] = {weights, steps};
}

void adafactor(const Queue& queue, const OptimizerPass& pass, const std::vector<OptimizerMatrix>& matrices) {
  if (pass.chunk_count == 0) return;
  for (const OptimizerMatrix& m : matrices) {
    const std::int64_t rows = m.count * m.rows;
    launch(queue, rows_kernel, blocks_for(rows, 1), kThreads, 0, pass, queue.batch, m.segment, rows);
    const dim3 down = blocks_for(m.count, 1);
    launch(queue, columns_kernel, tile_blocks(m.cols, static_cast<std::int64_t>(down.x)), tile_threads(), 0,
           pass, queue.batch, m.segment, m.count);
    launch(queue, means_kernel, down, kThreads, 0, pass, m.segment, m.count);
  }
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  launch(queue, moments_kernel, chunks, kThreads, 0, pass, queue.batch);
}

// Momentum of all matrices that get a direction, what is to become it, and the squares of that.
__global__ void momentum_kernel(OptimizerPass pass, const Batch* batch, float momentum, bool nesterov) {
  if (refused(batch)) return;
  const Mine mine(pass);
  const Hyper hyper(*batch, pass);
  if (mine.segment.direction < 0 || mine.frozen() || !hyper.applied) return;
  float* direction = pass.directions + mine.segment.direction - mine.segment.begin;
  const float factor = clip_factor_of(pass, mine.chunk.segment);
  double squares = 0.0;
  mine.each([&](std::int64_t i) {
    const float g = math::clip_value(pass.gradients[i] * factor, pass.range.clip_value);
    const float m = math::fma(momentum, pass.range.slots[0][i], g);
    const float u = nesterov ? math::fma(momentum, m, g) : m;
    pass.range.slots[0][i] = m;
    direction[i] = u;
    squares += static_cast<double>(u) * static_cast<double>(u);
  });
  squares = block_sum(squares);
  if (threadIdx.x == 0) pass.squares[blockIdx.x] = squares;
}

__global__ void normalize_kernel(OptimizerPass pass, const Batch* batch) {
  if (refused(batch)) return;
  const Mine mine(pass);
  const Hyper hyper(*batch, pass);
  if (mine.segment.direction < 0 || mine.frozen() || !hyper.applied) return;
  double sum = 0.0;
  for (std::int64_t k = mine.segment.first + threadIdx.x; k < mine.segment.last; k += kThreads)
    sum += pass.squares[k];
  const auto factor = static_cast<float>(1.0 / (::sqrt(block_sum(sum)) + 1e-7));
  float* direction = pass.directions + mine.segment.direction - mine.segment.begin;
  mine.each([&](std::int64_t i) { direction[i] *= factor; });
}

void muon_start(const Queue& queue, const OptimizerPass& pass, float momentum, bool nesterov) {
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  launch(queue, momentum_kernel, chunks, kThreads, 0, pass, queue.batch, momentum, nesterov);
  launch(queue, normalize_kernel, chunks, kThreads, 0, pass, queue.batch);
}

__global__ void combine_kernel(float* y, const float* x, float a, float b, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = a * x[i] + b * y[i];
}

void muon_combine(const Queue& queue, float* y, const float* x, float a, float b, std::int64_t n) {
  launch(queue, combine_kernel, blocks_for(n), kThreads, 0, y, x, a, b, n);
}

}  // namespace

void fill_optimizer_preparation(Launchers& table) {
  table.adafactor = adafactor;
  table.muon_start = muon_start;
  table.muon_combine = muon_combine;
}

}  // namespace densor::cuda
