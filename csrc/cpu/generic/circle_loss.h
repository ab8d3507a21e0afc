// Circle loss of rows of similarities, with its gradient: softplus of the sum of two logsumexp over the row,
// of the pairs of one class and of the others. A row is read twice from the cache and dx, which holds
// exponentials times slopes in between, written twice. Moves 12 bytes an element.
#pragma once

#include <limits>

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/circle_loss.h"
#include "math/exp.h"
#include "math/log.h"

namespace densor::cpu {
namespace {

struct PairMasks {
  Mask same, other;
};

// Of the columns [j, j + n) of row i; a row is no partner of itself where the diagonal is left out.
inline PairMasks pairs_of(const CircleRows& p, std::int64_t i, std::int64_t j, int n, Vec reference) {
  const Mask lanes = lanes_below(n), equal = reference == Vec(p.label[i]);
  Mask same = lanes & equal;
  const std::int64_t own = p.first + i - j;
  if (p.without_diagonal && own >= 0 && own < n) same = same & !mask_from_bits(1u << own);
  return {same, lanes & !equal};
}

inline float log_of_sum(float peak, float sum) {
  alignas(64) float lane[kLanes];
  (Vec(peak) + math::log(Vec(sum))).store(lane);
  return lane[0];
}

// dx = the factors of its two kinds of pairs.
inline void scale_row(const CircleRows& p, std::int64_t i, float same, float other) {
  float* dx = p.dx + i * p.cols;
  each_vector(p.cols, [&](std::int64_t j, int n, auto load) {
    const Mask equal = load(p.reference + j, n) == Vec(p.label[i]);
    store_lanes(dx + j, n, load(dx + j, n) * select(equal, Vec(same), Vec(other)));
  });
}

void circle_row(const CircleRows& p, std::int64_t i) {
  const float* x = p.x + i * p.cols;
  const Vec gamma(p.gamma), margin(p.margin), none(-math::kInfinity), zero(0.0f);
  Vec same_top = none, other_top = none;
  each_vector(p.cols, [&](std::int64_t j, int n, auto load) {
    const Vec s = load(x + j, n);
    const PairMasks pairs = pairs_of(p, i, j, n, load(p.reference + j, n));
    same_top = max(same_top, select(pairs.same, math::same_class_logit(s, gamma, margin).value, none));
    other_top = max(other_top, select(pairs.other, math::other_class_logit(s, gamma, margin).value, none));
  });
  const float same_peak = max_lanes(same_top), other_peak = max_lanes(other_top);
  Vec same_sum = zero, other_sum = zero;
  each_vector(p.cols, [&](std::int64_t j, int n, auto load) {
    const Vec s = load(x + j, n);
    const PairMasks pairs = pairs_of(p, i, j, n, load(p.reference + j, n));
    const math::PairLogit<Vec> same = math::same_class_logit(s, gamma, margin);
    const math::PairLogit<Vec> other = math::other_class_logit(s, gamma, margin);
    const Vec a = select(pairs.same, math::exp(same.value - Vec(same_peak)), zero);
    const Vec b = select(pairs.other, math::exp(other.value - Vec(other_peak)), zero);
    same_sum = same_sum + a;
    other_sum = other_sum + b;
    if (p.dx != nullptr) store_lanes(p.dx + i * p.cols + j, n, a * same.slope + b * other.slope);
  });
  const float same_total = sum_lanes(same_sum), other_total = sum_lanes(other_sum);
  const Vec z(log_of_sum(same_peak, same_total) + log_of_sum(other_peak, other_total));
  alignas(64) float loss[kLanes], share[kLanes];
  (max(zero, z) + math::log1p(math::exp(-abs(z)))).store(loss);
  (Vec(1.0f) / (Vec(1.0f) + math::exp(-z))).store(share);
  // One NaN for all: which of several a sum passes on differs between targets.
  const bool known = loss[0] == loss[0];
  p.loss[i] = known ? loss[0] : std::numeric_limits<float>::quiet_NaN();
  if (!known && p.dx != nullptr) {
    for (std::int64_t j = 0; j < p.cols; ++j) p.dx[i * p.cols + j] = p.loss[i];
    return;
  }
  // A row without partners of either kind has loss and gradient 0.
  if (p.dx != nullptr)
    scale_row(p, i, same_total == 0.0f ? 0.0f : share[0] / same_total,
              other_total == 0.0f ? 0.0f : share[0] / other_total);
}

void circle_loss(const CircleRows& p) {
  for (std::int64_t i = 0; i < p.rows; ++i) circle_row(p, i);
}

void fill_circle_loss(Kernels& k) { k.circle_loss = circle_loss; }

}  // namespace
}  // namespace densor::cpu
