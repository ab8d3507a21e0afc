// Losses that are the mean over columns of a function f(x, target): the rows' losses and gradients in one
// pass. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include <type_traits>

#include "cuda/device/team.cuh"
#include "cuda/phases/loss_rows.cuh"

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

// The kinds of F, whose file has this form: with a team a row, and with one column.
template <class F>
struct ColumnLossKinds {
  static constexpr PhaseKind kRows = PhaseKind::none, kColumn = PhaseKind::none;
};

// One column: a thread a row.
template <class F>
struct SingleColumnLoss {
  static constexpr PhaseKind kKind = ColumnLossKinds<F>::kColumn;
  math::LossRows all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const math::LossRows p = present(all, batch);
    for (std::int64_t i = at.first_item(); i < p.rows; i += at.item_stride())
      p.loss[i] = element_loss<F>(p, i, p.target[i], row_factor(p, i));
  }
};

template <class F, class Team>
struct ColumnLoss {
  static constexpr PhaseKind kKind =
      std::is_same_v<Team, WarpTeam> ? ColumnLossKinds<F>::kRows : PhaseKind::none;
  math::LossRows all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const math::LossRows p = present(all, batch);
    const auto cols = static_cast<float>(p.cols);
    for (std::int64_t i = Team::first_row(at); i < p.rows; i += Team::row_stride(at)) {
      const std::int64_t row = i * p.cols;
      const float factor = row_factor(p, i) / cols;
      const float sum = team_sum<Team>(p.cols, [&](std::int64_t j) {
        return element_loss<F>(p, row + j, p.target[p.target_cols == 1 ? i : row + j], factor);
      });
      if (Team::member() == 0) p.loss[i] = sum / cols;
    }
  }
};

template <class F>
void column_loss(const Queue& queue, const math::LossRows& p) {
  if (p.cols == 1) return launch_loss(queue, SingleColumnLoss<F>{p, queue.batch}, blocks_for(p.rows));
  with_team(p.cols, [&](auto team) {
    launch_loss(queue, ColumnLoss<F, decltype(team)>{p, queue.batch}, team.blocks(p.rows));
  });
}

}  // namespace densor::cuda
