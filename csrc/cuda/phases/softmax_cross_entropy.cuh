// Cross-entropy of softmax on logits, with its gradient and whether the prediction is right, a team a row.
// The exponentials are computed twice rather than kept in dx in between: 4 bytes read and 4 written an
// element (4 more read with targets that are no labels) where a row stays in the L1 cache.
#pragma once

#include <type_traits>

#include "cuda/device/argmax.cuh"

#include "cuda/phases/loss_rows.cuh"
#include "math/exp.h"
#include "math/softmax_cross_entropy.h"

namespace densor::cuda {

using math::LossRows;

struct RowSums {
  float peak;    // max(x)
  float others;  // sum of exp(x - peak) less one maximum's 1
};

template <class Team>
__device__ RowSums row_sums(const float* x, std::int64_t cols) {
  float peak = -math::kInfinity;
  each_column<Team>(cols, [&](std::int64_t j) { peak = Largest{}(x[j], peak); });
  peak = Team::reduce(peak, Largest{});
  float sum = 0.0f;
  int peaks = 0;
  each_column<Team>(cols, [&](std::int64_t j) {
    const bool at_peak = x[j] == peak;
    peaks += at_peak ? 1 : 0;
    sum += at_peak ? 0.0f : math::exp(x[j] - peak);
  });
  peaks = Team::reduce(peaks, Sum{});
  return {peak, Team::reduce(sum, Sum{}) + static_cast<float>(peaks - 1)};
}

// A label outside [0, cols) matches no class and gives loss NaN.
template <class Team>
__device__ void finish_label(const LossRows& p, std::int64_t row, const RowSums& s, float factor) {
  const float* x = p.x + row * p.cols;
  const std::int32_t label = p.label[row];
  const bool known = label >= 0 && label < p.cols;
  if (Team::member() == 0)
    p.loss[row] =
        known ? math::log_sum_exp(s.others) + (s.peak - x[label]) : std::numeric_limits<float>::quiet_NaN();
  if (p.dx == nullptr) return;
  float* dx = p.dx + row * p.cols;
  const float share = factor * (1.0f / (1.0f + s.others));
  each_column<Team>(p.cols, [&](std::int64_t j) {
    const float d = math::exp(x[j] - s.peak) * share;
    dx[j] = j == label ? d - factor : d;
  });
}

template <class Team>
__device__ void finish_target(const LossRows& p, std::int64_t row, const RowSums& s, float factor) {
  const float *x = p.x + row * p.cols, *target = p.target + row * p.cols;
  const float weights = team_sum<Team>(p.cols, [&](std::int64_t j) { return target[j]; });
  const float loss =
      team_sum<Team>(p.cols, [&](std::int64_t j) { return math::class_loss(x[j], s.peak, target[j]); });
  if (Team::member() == 0) p.loss[row] = weights * math::log_sum_exp(s.others) + loss;
  if (p.dx == nullptr) return;
  float* dx = p.dx + row * p.cols;
  const float share = factor * weights * (1.0f / (1.0f + s.others));
  each_column<Team>(p.cols, [&](std::int64_t j) {
    dx[j] = math::class_gradient(math::exp(x[j] - s.peak), share, target[j], factor);
  });
}

// As AccuracySparse and AccuracyCategorical say.
template <class Team>
__device__ void finish_correct(float* correct, const LossRows& p, std::int64_t row) {
  const std::int64_t wanted =
      p.label != nullptr ? p.label[row] : argmax<Team>(p.target + row * p.cols, p.cols);
  const std::int64_t predicted = argmax<Team>(p.x + row * p.cols, p.cols);
  if (Team::member() == 0) correct[row] = predicted == wanted ? 1.0f : 0.0f;
}

template <class Team>
struct SoftmaxCrossEntropy {
  static constexpr PhaseKind kKind =
      std::is_same_v<Team, WarpTeam> ? PhaseKind::softmax_cross_entropy : PhaseKind::none;
  LossRows all;
  float* correct;  // (rows,), or null
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const LossRows& p = all;  // a copy, or anything kept over the rows, would spill on sm_90a
    for (std::int64_t i = Team::first_row(at); i < rows_of(batch, p.rows); i += Team::row_stride(at)) {
      const RowSums s = row_sums<Team>(p.x + i * p.cols, p.cols);
      const float scale = present_scale(p, batch);
      const float factor = p.weight != nullptr ? scale * p.weight[i] : scale;
      if (p.label != nullptr)
        finish_label<Team>(p, i, s, factor);
      else
        finish_target<Team>(p, i, s, factor);
      if (correct != nullptr) finish_correct<Team>(correct, p, i);
    }
  }
};

}  // namespace densor::cuda
