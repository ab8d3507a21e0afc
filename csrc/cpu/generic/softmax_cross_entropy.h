// Cross-entropy of softmax on logits, with its gradient. Rows are taken sixteen at a time, so that their
// logarithms and divisions are one vector operation; a row is read twice and dx, which holds the exponentials
// in between, written twice from cache: 4 bytes read and 4 written an element (4 more read with targets that
// are no labels).
#pragma once

#include <limits>

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/generic/softmax.h"
#include "cpu/kernels.h"
#include "math/exp.h"
#include "math/softmax_cross_entropy.h"

namespace densor::cpu {
namespace {

// Of up to sixteen rows.
struct SoftmaxRows {
  alignas(64) float peak[kLanes];    // max(x)
  alignas(64) float others[kLanes];  // sum of exp(x - peak) less one maximum's 1
  alignas(64) float log_sum[kLanes];
  alignas(64) float inverse[kLanes];  // 1 / sum of exp(x - peak)
};

// The sum of exp(x - peak) less one; the exponentials go to e unless it is null.
float row_others(float* e, const float* x, float peak, std::int64_t cols) {
  Vec sum(0.0f);
  int peaks = 0;
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    const Vec v = load(x + j, n);
    const Vec power = math::exp(v - Vec(peak));
    if (e != nullptr) power.store_first(e + j, n);
    const Mask lanes = lanes_below(n), at_peak = lanes & (v == Vec(peak));
    peaks += __builtin_popcount(bits_of(at_peak));
    sum = sum + select(lanes & !at_peak, power, Vec(0.0f));
  });
  return sum_lanes(sum) + static_cast<float>(peaks - 1);
}

void finish_label(const LossRows& p, const SoftmaxRows& s, std::int64_t i, std::int64_t row, float factor) {
  const std::int32_t label = p.label[row];
  const bool known = label >= 0 && label < p.cols;
  p.loss[row] = known ? s.log_sum[i] + (s.peak[i] - p.x[row * p.cols + label])
                      : std::numeric_limits<float>::quiet_NaN();
  if (p.dx == nullptr) return;
  float* dx = p.dx + row * p.cols;
  const Vec share(factor * s.inverse[i]);
  each_vector(p.cols,
              [&](std::int64_t j, int n, auto load) { (load(dx + j, n) * share).store_first(dx + j, n); });
  if (known) dx[label] -= factor;
}

void finish_target(const LossRows& p, const SoftmaxRows& s, std::int64_t i, std::int64_t row, float factor) {
  const float* target = p.target + row * p.cols;
  const float* x = p.x + row * p.cols;
  Vec total(0.0f), loss(0.0f);
  each_vector(p.cols, [&](std::int64_t j, int n, auto load) {
    const Vec t = load(target + j, n);
    total = total + t;
    loss = loss + math::class_loss(load(x + j, n), Vec(s.peak[i]), t);
  });
  const float weights = sum_lanes(total);
  p.loss[row] = weights * s.log_sum[i] + sum_lanes(loss);
  if (p.dx == nullptr) return;
  float* dx = p.dx + row * p.cols;
  const Vec share(factor * weights * s.inverse[i]);
  each_vector(p.cols, [&](std::int64_t j, int n, auto load) {
    math::class_gradient(load(dx + j, n), share, load(target + j, n), Vec(factor)).store_first(dx + j, n);
  });
}

void softmax_cross_entropy(const LossRows& p) {
  SoftmaxRows s;
  for (std::int64_t first = 0; first < p.rows; first += kLanes) {
    const std::int64_t count = p.rows - first < kLanes ? p.rows - first : kLanes;
    Vec(0.0f).store(s.others);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* x = p.x + (first + i) * p.cols;
      float* e = p.dx != nullptr ? p.dx + (first + i) * p.cols : nullptr;
      s.peak[i] = row_max(x, p.cols);
      s.others[i] = row_others(e, x, s.peak[i], p.cols);
    }
    const Vec others = Vec::load(s.others);
    math::log_sum_exp(others).store(s.log_sum);
    (Vec(1.0f) / (Vec(1.0f) + others)).store(s.inverse);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = first + i;
      const float factor = p.weight != nullptr ? p.scale * p.weight[row] : p.scale;
      if (p.label != nullptr)
        finish_label(p, s, i, row, factor);
      else
        finish_target(p, s, i, row, factor);
    }
  }
}

void fill_softmax_cross_entropy(Kernels& k) { k.softmax_cross_entropy = softmax_cross_entropy; }

}  // namespace
}  // namespace densor::cpu
