// What the losses of rows have in common as phases.
#pragma once

#include "cuda/phases/batch.cuh"
#include "math/operands.h"

namespace densor::cuda {

__device__ __forceinline__ float present_scale(const math::LossRows& p, const Batch* batch) {
  return p.mean ? static_cast<float>(p.scale * mean_factor(batch)) : p.scale;
}

// The rows of the batch, and what their gradients are multiplied by.
__device__ __forceinline__ math::LossRows present(math::LossRows p, const Batch* batch) {
  p.scale = present_scale(p, batch);
  p.rows = rows_of(batch, p.rows);
  return p;
}

// `more`: what it writes beside losses and gradients.
template <class P>
void launch_loss(const Queue& queue, const P& phase, dim3 blocks, const Span& more = {}) {
  const math::LossRows& p = phase.all;
  launch_phase(queue, phase, blocks, kThreads,
               {span(p.x, p.rows * p.cols), span(p.label, p.rows), span(p.target, p.rows * p.target_cols),
                span(p.weight, p.rows), span(queue.batch)},
               {span(p.loss, p.rows), span(p.dx, p.rows * p.cols), more});
}

}  // namespace densor::cuda
