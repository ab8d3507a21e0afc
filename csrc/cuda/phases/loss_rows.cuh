// What the losses of rows have in common as phases.
#pragma once

#include "cuda/device/phase.cuh"
#include "math/operands.h"

namespace densor::cuda {

template <class P>
void launch_loss(const Queue& queue, const P& phase, dim3 blocks) {
  const math::LossRows& p = phase.p;
  launch_phase(queue, phase, blocks, kThreads,
               {span(p.x, p.rows * p.cols), span(p.label, p.rows), span(p.target, p.rows * p.target_cols),
                span(p.weight, p.rows)},
               {span(p.loss, p.rows), span(p.dx, p.rows * p.cols)});
}

}  // namespace densor::cuda
