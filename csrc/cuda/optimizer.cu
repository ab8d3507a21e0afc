// One optimizer step over the flat arenas: accumulate, clip, decay, rule, mask, average. A block of threads
// has a chunk of one variable. The update reads parameters, gradients and slots once and writes parameters
// and slots once: 4 (3 + 2 slots) bytes an element; norms cost a pass of 4 bytes before it, unless the
// products have left the squares of their results, LAMB's ratio one of 4 (2 + 2 slots). Hyper-parameters lie
// in device memory: a captured step serves every batch.
#include "cuda/phases/optimizer.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

// Gradients as norms and rule see them; or, where the rule waits, what is kept of them.
__global__ void prepare_kernel(OptimizerPass pass, const Batch* batch, bool masked) {
  if (refused(batch)) return;
  const Hyper hyper(*batch, pass);
  const bool whole = wide(pass.gradients) && wide(pass.accumulator);
  Mine(pass).each_width(whole, [&]<int N>(Width<N>, std::int64_t i) {
    float g[N], sum[N];
    load(g, pass.gradients + i);
    if (pass.accumulator != nullptr) {
      load(sum, pass.accumulator + i);
#pragma unroll
      for (int e = 0; e < N; ++e) {
        g[e] += sum[e];
        sum[e] = hyper.applied ? 0.0f : g[e];
        g[e] *= pass.accumulation_scale;
      }
      store(pass.accumulator + i, sum);
    }
    if (!hyper.applied) return;
    const unsigned keeps = masked ? kept_from(pass.range.mask, i) : ~0u;
#pragma unroll
    for (int e = 0; e < N; ++e)
      if ((keeps >> e & 1u) == 0) g[e] = 0.0f;
    store(pass.gradients + i, g);
  });
}

__device__ double sum_range(const double* values, std::int64_t first, std::int64_t last) {
  double sum = 0.0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += kThreads) sum += values[i];
  return block_sum(sum);
}

__global__ void squares_kernel(OptimizerPass pass) {
  const OptimizerSum item = pass.sums[blockIdx.x];
  double sum = 0.0;
  if (item.squares != nullptr) {
    sum = sum_range(item.squares, 0, item.count);
    if (pass.segments[item.segment].multiplier == 0.0f) sum = 0.0;
  } else {
    const Mine mine(pass, static_cast<unsigned>(item.chunk));
    if (!mine.frozen())
      mine.each([&](std::int64_t i) {
        const double g = pass.gradients[i];
        sum += g * g;
      });
    sum = block_sum(sum);
  }
  if (threadIdx.x == 0) pass.squares[blockIdx.x] = sum;
}

// A block per segment; with a global norm one for all.
__global__ void factors_kernel(OptimizerPass pass) {
  const bool global = pass.global_norm > 0.0;
  const std::int64_t s = blockIdx.x;
  const double squares = global
                             ? sum_range(pass.squares, 0, pass.sum_count)
                             : sum_range(pass.squares, pass.segments[s].first_sum, pass.segments[s].last_sum);
  if (threadIdx.x != 0) return;
  const double norm = static_cast<double>(pass.range.clip_factor) * ::sqrt(squares);
  const float factor = math::clip_factor(norm, global ? pass.global_norm : pass.norm);
  if (!global) pass.factors[s] = factor;
  for (std::int64_t i = 0; global && i < pass.segment_count; ++i) pass.factors[i] = factor;
}

// The first part of math::Lamb: slots, and the norms behind its ratio.
__global__ void lamb_kernel(OptimizerPass pass, const Batch* batch) {
  if (refused(batch)) return;
  const Hyper hyper(*batch, pass);
  const Mine mine(pass);
  if (!hyper.applied) return;
  const Coefficients<math::Lamb> numbers(hyper, mine.segment.multiplier);
  const float decay = mine.segment.decayed ? hyper.decay * mine.segment.multiplier : 0.0f;
  const float factor = clip_factor_of(pass, mine.chunk.segment);
  const math::OptimizerRange& r = pass.range;
  double weights = 0.0, steps = 0.0;
  if (!mine.frozen())
    mine.each([&](std::int64_t i) {
      float s[2] = {r.slots[0][i], r.slots[1][i]};
      const float w = decayed(r.w[i], decay), g = kept(r.mask, i) ? pass.gradients[i] : 0.0f;
      r.w[i] = w;
      const float u = math::Lamb::moments(math::clip_value(g * factor, r.clip_value), s, numbers.c);
      r.slots[0][i] = s[0];
      r.slots[1][i] = s[1];
      weights += static_cast<double>(w) * static_cast<double>(w);
      steps += static_cast<double>(u) * static_cast<double>(u);
    });
  weights = block_sum(weights);
  steps = block_sum(steps);
  if (threadIdx.x == 0) pass.trust[blockIdx.x] = {weights, steps};
}

template <class Rule>
__global__ void update_kernel(OptimizerUpdate update) {
  update.run<Rule>(launched());
}

void note(const Queue& queue, const OptimizerUpdate& update, unsigned chunks) {
  const math::OptimizerRange& r = update.pass.range;
  const std::int64_t n = update.pass.size;
  const Span weights = span(r.w, n), average = span(r.average, n);
  const Span slots[] = {span(r.slots[0], n), span(r.slots[1], n), span(r.slots[2], n)};
  note_phase(
      queue, update, chunks, kThreads,
      {weights, span(update.pass.gradients, n), slots[0], slots[1], slots[2], average, span(update.batch)},
      {weights, slots[0], slots[1], slots[2], average});
}

void optimizer_gradients(const Queue& queue, const OptimizerPass& pass, bool prepares) {
  if (pass.chunk_count == 0) return;
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  const bool norms = pass.norm > 0.0 || pass.global_norm > 0.0;
  const bool masked = (norms || prepares) && pass.range.mask != nullptr;
  if (pass.accumulator != nullptr || masked)
    launch(queue, prepare_kernel, chunks, kThreads, 0, pass, queue.batch, masked);
  if (norms) {
    launch(queue, squares_kernel, static_cast<unsigned>(pass.sum_count), kThreads, 0, pass);
    const auto segments = static_cast<unsigned>(pass.global_norm > 0.0 ? 1 : pass.segment_count);
    launch(queue, factors_kernel, segments, kThreads, 0, pass);
  }
  if (pass.trust_ratio) launch(queue, lamb_kernel, chunks, kThreads, 0, pass, queue.batch);
}

void optimizer(const Queue& queue, const OptimizerPass& pass) {
  if (pass.chunk_count == 0) return;
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  const OptimizerUpdate update{pass, queue.batch};
  if (queue.phases != nullptr) return note(queue, update, chunks);
  math::OptimizerRules::each([&](int index, auto rule) {
    if (index == pass.rule || index == pass.plain_rule)
      launch(queue, update_kernel<decltype(rule)>, chunks, kThreads, 0, update);
  });
}

}  // namespace

void fill_optimizer(Launchers& table) {
  table.optimizer_gradients = optimizer_gradients;
  table.optimizer = optimizer;
}

}  // namespace densor::cuda
