// Rescales vectors in place, so that their norms come towards [low, high]: columns as in
// phases/norm_constraint.cuh, and, as a phase, all; of vectors along rows a team has each, squares summed in
// double.
#include "cuda/device/team.cuh"

#include "cuda/phases/norm_constraint.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

using math::NormConstraint;

template <class Team>
__global__ void rows_kernel(float* w, std::int64_t rows, std::int64_t cols, NormConstraint p,
                            const Batch* batch) {
  if (refused(batch)) return;
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    float* row = w + i * cols;
    double squares = 0.0;
    each_column<Team>(cols, [&](std::int64_t j) {
      const auto x = static_cast<double>(row[j]);
      squares += x * x;
    });
    const float factor = norm_factor(static_cast<float>(Team::reduce(squares, Sum{})), p);
    each_column<Team>(cols, [&](std::int64_t j) { row[j] *= factor; });
  }
}

void norm_constraint(const Queue& queue, float* w, std::int64_t outer, std::int64_t rows, std::int64_t cols,
                     const NormConstraint& p) {
  if (outer == 0 || rows == 0 || cols == 0) return;
  if (cols == 1 && queue.phases == nullptr) {
    with_team(rows, [&](auto team) {
      launch(queue, rows_kernel<decltype(team)>, team.blocks(outer), kThreads, 0, w, outer, rows, p,
             queue.batch);
    });
    return;
  }
  const std::int64_t layers = outer < kMostBlocks ? outer : kMostBlocks;
  const Span all = span(w, outer * rows * cols);
  launch_phase(queue, ConstrainColumns{w, outer, rows, cols, p, queue.batch}, tile_blocks(cols, layers),
               tile_threads(), {all, span(queue.batch)}, {all});
}

}  // namespace

void fill_norm_constraint(Launchers& table) { table.norm_constraint = norm_constraint; }

}  // namespace densor::cuda
