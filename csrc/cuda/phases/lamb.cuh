// The first part of math::Lamb: slots, and the norms behind its ratio. 4 (2 + 2 slots) bytes an element.
#pragma once

#include "cuda/phases/gradient_norms.cuh"

namespace densor::cuda {

struct LambMoments {
  static constexpr PhaseKind kKind = PhaseKind::lamb_moments;
  OptimizerPass pass;
  const Batch* batch;
  bool by_chunks;  // as the squares are

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    const Hyper hyper(*batch, pass);
    const Mine mine(pass, at.block_x);
    if (!hyper.applied) return;
    const Coefficients<math::Lamb> numbers(hyper, mine.segment.multiplier);
    const float decay = mine.segment.decayed ? hyper.decay * mine.segment.multiplier : 0.0f;
    const float factor = by_chunks ? clip_factor_by_chunks(pass, mine.chunk.segment)
                                   : clip_factor_of(pass, mine.chunk.segment);
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
    if (at.thread_x == 0) pass.trust[at.block_x] = {weights, steps};
  }
};

}  // namespace densor::cuda
