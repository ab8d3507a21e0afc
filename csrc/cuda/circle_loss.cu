// Circle loss of rows of similarities, with its gradient, a team a row: softplus of the sum of two logsumexp
// over the row, of the pairs of one class and of the others. The exponentials are computed twice rather than
// kept in between. Moves 8 bytes an element where a row stays in the L1 cache.
#include "cuda/device/team.cuh"

#include <limits>

#include "cuda/table.h"
#include "math/circle_loss.h"
#include "math/exp.h"
#include "math/log.h"
#include "math/operands.h"

namespace densor::cuda {

namespace {

using math::CircleRows;

// A number for the pairs of one class, and one for the others.
struct Both {
  float same, other;
};

enum class Pair { none, same, other };

__device__ __forceinline__ Pair pair_of(const CircleRows& p, std::int64_t row, std::int64_t j) {
  if (!(p.reference[j] == p.label[row])) return Pair::other;
  return p.without_diagonal && p.first + row == j ? Pair::none : Pair::same;
}

// The logit of a pair of this kind.
__device__ __forceinline__ math::PairLogit<float> logit_of(const CircleRows& p, Pair pair, float s) {
  return pair == Pair::same ? math::same_class_logit(s, p.gamma, p.margin)
                            : math::other_class_logit(s, p.gamma, p.margin);
}

template <class Team>
__device__ Both peaks_of(const CircleRows& p, std::int64_t row) {
  Both peak{-math::kInfinity, -math::kInfinity};
  each_column<Team>(p.cols, [&](std::int64_t j) {
    const Pair pair = pair_of(p, row, j);
    const float value = logit_of(p, pair, p.x[row * p.cols + j]).value;
    if (pair == Pair::same) peak.same = Largest{}(value, peak.same);
    if (pair == Pair::other) peak.other = Largest{}(value, peak.other);
  });
  return {Team::reduce(peak.same, Largest{}), Team::reduce(peak.other, Largest{})};
}

template <class Team>
__device__ Both sums_of(const CircleRows& p, std::int64_t row, const Both& peak) {
  Both sum{0.0f, 0.0f};
  each_column<Team>(p.cols, [&](std::int64_t j) {
    const Pair pair = pair_of(p, row, j);
    const float value = logit_of(p, pair, p.x[row * p.cols + j]).value;
    if (pair == Pair::same) sum.same += math::exp(value - peak.same);
    if (pair == Pair::other) sum.other += math::exp(value - peak.other);
  });
  return {Team::reduce(sum.same, Sum{}), Team::reduce(sum.other, Sum{})};
}

template <class Team>
__global__ void circle_loss_kernel(CircleRows p) {
  for (std::int64_t i = Team::first_row(); i < p.rows; i += Team::row_stride()) {
    const Both peak = peaks_of<Team>(p, i), sum = sums_of<Team>(p, i, peak);
    const float z = (peak.same + math::log(sum.same)) + (peak.other + math::log(sum.other));
    const float loss = math::max(0.0f, z) + math::log1p(math::exp(-math::abs(z)));
    const bool known = loss == loss;
    if (Team::member() == 0) p.loss[i] = known ? loss : std::numeric_limits<float>::quiet_NaN();
    if (p.dx == nullptr) continue;
    const float share = 1.0f / (1.0f + math::exp(-z));
    // A row without partners of either kind has loss and gradient 0.
    const Both factor{sum.same == 0.0f ? 0.0f : share / sum.same,
                      sum.other == 0.0f ? 0.0f : share / sum.other};
    each_column<Team>(p.cols, [&](std::int64_t j) {
      const Pair pair = pair_of(p, i, j);
      const math::PairLogit<float> logit = logit_of(p, pair, p.x[i * p.cols + j]);
      const bool same = pair == Pair::same;
      const float e = math::exp(logit.value - (same ? peak.same : peak.other));
      const float d = pair == Pair::none ? 0.0f : e * logit.slope * (same ? factor.same : factor.other);
      p.dx[i * p.cols + j] = known ? d : std::numeric_limits<float>::quiet_NaN();
    });
  }
}

void circle_loss(const Queue& queue, const CircleRows& p) {
  with_team(p.cols, [&](auto team) {
    launch(queue, circle_loss_kernel<decltype(team)>, team.blocks(p.rows), kThreads, 0, p);
  });
}

}  // namespace

void fill_circle_loss(Launchers& table) { table.circle_loss = circle_loss; }

}  // namespace densor::cuda
