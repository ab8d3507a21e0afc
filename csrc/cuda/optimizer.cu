// One optimizer step over the flat arenas: accumulate, clip, decay, rule, mask, average. A block of threads
// has a chunk of one variable. The update reads parameters, gradients and slots once and writes parameters
// and slots once: 4 (3 + 2 slots) bytes an element; norms cost a pass of 4 bytes before it, unless the
// products have left the squares of their results, LAMB's ratio one of 4 (2 + 2 slots). Hyper-parameters lie
// in device memory: a captured step serves every batch.
#include "cuda/phases/lamb.cuh"
#include "cuda/phases/optimizer.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

// A block per segment; with a global norm one for all.
__global__ void factors_kernel(OptimizerPass pass) {
  const bool global = pass.global_norm > 0.0;
  const std::int64_t s = blockIdx.x;
  const float factor = global
                           ? factor_of_squares(pass, 0, pass.sum_count)
                           : factor_of_squares(pass, pass.segments[s].first_sum, pass.segments[s].last_sum);
  if (threadIdx.x != 0) return;
  if (!global) pass.factors[s] = factor;
  for (std::int64_t i = 0; global && i < pass.segment_count; ++i) pass.factors[i] = factor;
}

template <class Rule>
__global__ void update_kernel(OptimizerUpdate update) {
  update.launch<Rule>(launched());
}

void prepare(const Queue& queue, const OptimizerPass& pass, bool masked) {
  const Span gradients = span(pass.gradients, pass.size), accumulator = span(pass.accumulator, pass.size);
  launch_phase(queue, PrepareGradients{pass, queue.batch, masked}, static_cast<unsigned>(pass.chunk_count),
               kThreads, {gradients, accumulator, span(queue.batch)}, {gradients, accumulator});
}

// As phases, products leave no squares, and who updates finds the factors.
void find_norms(const Queue& queue, const OptimizerPass& pass) {
  const bool by_chunks = queue.phases != nullptr;
  const std::int64_t blocks = by_chunks ? pass.chunk_count : pass.sum_count;
  launch_phase(queue, GradientSquares{pass, by_chunks}, static_cast<unsigned>(blocks), kThreads,
               {span(pass.gradients, pass.size)}, {span(pass.squares, blocks)});
  if (by_chunks) return;
  const auto segments = static_cast<unsigned>(pass.global_norm > 0.0 ? 1 : pass.segment_count);
  launch(queue, factors_kernel, segments, kThreads, 0, pass);
}

// What a rule reads and writes of the variables.
std::vector<Span> variables(const OptimizerPass& pass) {
  const math::OptimizerRange& r = pass.range;
  const std::int64_t n = pass.size;
  return {span(r.w, n), span(r.slots[0], n), span(r.slots[1], n), span(r.slots[2], n), span(r.average, n)};
}

std::vector<Span> read_by_rule(const Queue& queue, const OptimizerPass& pass) {
  std::vector<Span> reads = variables(pass);
  reads.insert(reads.end(), {span(pass.gradients, pass.size), span(pass.squares, pass.chunk_count),
                             span(pass.trust, pass.chunk_count), span(queue.batch)});
  return reads;
}

void find_ratios(const Queue& queue, const OptimizerPass& pass) {
  std::vector<Span> writes = variables(pass);
  writes.push_back(span(pass.trust, pass.chunk_count));
  launch_phase(queue, LambMoments{pass, queue.batch, queue.phases != nullptr},
               static_cast<unsigned>(pass.chunk_count), kThreads, read_by_rule(queue, pass), writes);
}

void optimizer_gradients(const Queue& queue, const OptimizerPass& pass, bool prepares) {
  if (pass.chunk_count == 0) return;
  const bool norms = pass.norm > 0.0 || pass.global_norm > 0.0;
  const bool masked = (norms || prepares) && pass.range.mask != nullptr;
  if (pass.accumulator != nullptr || masked) prepare(queue, pass, masked);
  if (norms) find_norms(queue, pass);
  if (pass.trust_ratio) find_ratios(queue, pass);
}

void optimizer(const Queue& queue, const OptimizerPass& pass) {
  if (pass.chunk_count == 0) return;
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  const OptimizerUpdate update{pass, queue.batch};
  if (queue.phases != nullptr)
    return note_phase(queue, update, chunks, kThreads, read_by_rule(queue, pass), variables(pass));
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
