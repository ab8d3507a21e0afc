// Losses that are the mean over columns of a function f(x, target): the rows' losses and gradients in one
// pass. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cuda/device/team.cuh"
#include "math/operands.h"

namespace densor::cuda {

// f of one element; its gradient is f' * factor.
template <class F>
__device__ __forceinline__ float element_loss(const math::LossRows& p, std::int64_t at, float target,
                                              float factor) {
  const float x = p.x[at];
  if (p.dx != nullptr) p.dx[at] = factor * F::derivative(x, target);
  return F::value(x, target);
}

// What multiplies the gradient of a row.
__device__ __forceinline__ float row_factor(const math::LossRows& p, std::int64_t row) {
  return p.weight != nullptr ? p.weight[row] * p.scale : p.scale;
}

// One column: a thread a row.
template <class F>
__global__ void single_column_loss_kernel(math::LossRows p) {
  for (std::int64_t i = first_item(); i < p.rows; i += item_stride())
    p.loss[i] = element_loss<F>(p, i, p.target[i], row_factor(p, i));
}

template <class F, class Team>
__global__ void column_loss_kernel(math::LossRows p) {
  const auto cols = static_cast<float>(p.cols);
  for (std::int64_t i = Team::first_row(); i < p.rows; i += Team::row_stride()) {
    const std::int64_t row = i * p.cols;
    const float factor = row_factor(p, i) / cols;
    const float sum = team_sum<Team>(p.cols, [&](std::int64_t j) {
      return element_loss<F>(p, row + j, p.target[p.target_cols == 1 ? i : row + j], factor);
    });
    if (Team::member() == 0) p.loss[i] = sum / cols;
  }
}

template <class F>
void column_loss(const Queue& queue, const math::LossRows& p) {
  if (p.cols == 1) {
    launch(queue, single_column_loss_kernel<F>, blocks_for(p.rows), kThreads, 0, p);
    return;
  }
  with_team(p.cols, [&](auto team) {
    launch(queue, column_loss_kernel<F, decltype(team)>, team.blocks(p.rows), kThreads, 0, p);
  });
}

}  // namespace densor::cuda
