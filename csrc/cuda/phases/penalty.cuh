// The penalties l1 sum |x| + l2 sum x^2 of several arrays, and their gradients: a block has a piece of one
// array. Sums in double; those of the pieces are added in order. Moves 8 bytes an element (12 where the
// gradient is added, 4 without gradient).
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/launchers.h"
#include "cuda/phases/batch.cuh"
#include "math/penalty.h"

namespace densor::cuda {

// Arrays that come with the arguments, of a launch and of a phase.
inline constexpr int kLaunchedPenalties = 32, kPhasePenalties = 4;

// values (pieces) may be null; gradients are scaled by `scale`, and added where `add`.
template <int kMost>
struct PenaltyPieces {
  static constexpr PhaseKind kKind = kMost == kPhasePenalties ? PhaseKind::penalty_pieces : PhaseKind::none;
  double* values;
  PenaltyTerm term[kMost];
  std::int64_t first_piece[kMost + 1];  // of each array
  int count;
  double scale;
  bool add;

  __device__ void operator()(const Place& at) const {
    const std::int64_t piece = at.block_x;
    int k = 0;
    while (first_piece[k + 1] <= piece) ++k;
    const PenaltyTerm& mine = term[k];
    const std::int64_t begin = (piece - first_piece[k]) * kPenaltyPiece;
    const std::int64_t end = begin + kPenaltyPiece < mine.n ? begin + kPenaltyPiece : mine.n;
    const auto l1 = static_cast<float>(scale * mine.l1), l2 = static_cast<float>(scale * mine.l2);
    double value = 0.0;
    for (std::int64_t i = begin + at.thread_x; i < end; i += kThreads) {
      const float x = mine.x[i];
      if (values != nullptr) {
        const auto wide = static_cast<double>(x);
        value += mine.l1 * (wide < 0.0 ? -wide : wide) + mine.l2 * (wide * wide);
      }
      if (mine.dx != nullptr) {
        const float d = math::penalty_derivative(x, l1, l2);
        mine.dx[i] = add ? mine.dx[i] + d : d;
      }
    }
    if (values == nullptr) return;
    value = block_sum(value);
    if (at.thread_x == 0) values[piece] = value;
  }
};

// totals[0] += weight times the sum of the pieces, by one block.
struct PenaltyTotal {
  static constexpr PhaseKind kKind = PhaseKind::penalty_total;
  double* totals;
  const double* values;
  std::int64_t n;
  double weight;
  bool by_rows;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    const double factor = by_rows ? weight / mean_factor(batch) : weight;
    double sum = 0.0;
    for (std::int64_t i = at.thread_x; i < n; i += kThreads) sum += values[i];
    sum = block_sum(sum);
    if (at.thread_x == 0) totals[0] += factor * sum;
  }
};

}  // namespace densor::cuda
