// Cross-entropy of softmax on logits, with its gradient. Rows are taken sixteen at a time, so that their
// logarithms and divisions are one vector operation; a row is read twice and dx, which holds the exponentials
// in between, written twice from cache: 4 bytes read and 4 written an element (4 more read with targets that
// are no labels). Of rows with labels and at most sixteen classes, a vector has a class of sixteen rows; the
// bits are the same.
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

bool has_class(const LossRows& p, std::int32_t label) { return label >= 0 && label < p.cols; }

// NaN for a label that is no class.
float label_loss(const LossRows& p, const SoftmaxRows& s, std::int64_t i, std::int64_t row) {
  return has_class(p, p.label[row]) ? s.log_sum[i] + (s.peak[i] - p.x[row * p.cols + p.label[row]])
                                    : std::numeric_limits<float>::quiet_NaN();
}

void finish_label(const LossRows& p, const SoftmaxRows& s, std::int64_t i, std::int64_t row, float factor) {
  p.loss[row] = label_loss(p, s, i, row);
  if (p.dx == nullptr) return;
  float* dx = p.dx + row * p.cols;
  const Vec share(factor * s.inverse[i]);
  each_vector(p.cols,
              [&](std::int64_t j, int n, auto load) { (load(dx + j, n) * share).store_first(dx + j, n); });
  if (has_class(p, p.label[row])) dx[p.label[row]] -= factor;
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

// The sixteen lanes of sum_lanes and max_lanes as vectors; the first one is left.
template <class F>
void fold_classes(Vec (&v)[kLanes], F f) {
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) v[j] = f(v[j], v[j + width]);
}

// Classes of up to sixteen rows.
struct FewClasses {
  alignas(64) float value[kLanes][kLanes];

  Vec operator[](std::int64_t j) const { return Vec::load(value[j]); }
  void read(const float* x, std::int64_t rows, std::int64_t cols) {
    for (std::int64_t j = 0; j < cols; ++j) Vec(0.0f).store(value[j]);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; ++j) value[j][i] = x[i * cols + j];
  }
  void write(float* x, std::int64_t rows, std::int64_t cols) const {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; ++j) x[i * cols + j] = value[j][i];
  }
};

// Up to sixteen rows of labels for at most sixteen classes, the first of them `first`.
void few_classes(const LossRows& p, SoftmaxRows& s, std::int64_t first, std::int64_t count) {
  FewClasses x;
  Vec v[kLanes];
  x.read(p.x + first * p.cols, count, p.cols);
  for (std::int64_t j = 0; j < kLanes; ++j) v[j] = j < p.cols ? x[j] : Vec(-math::kInfinity);
  fold_classes(v, [](Vec a, Vec b) { return select(a > b, a, b); });
  const Vec peak = v[0], zero(0.0f);
  Vec peaks(-1.0f);
  for (std::int64_t j = 0; j < kLanes; ++j) {
    v[j] = zero;
    if (j >= p.cols) continue;
    const Mask at_peak = x[j] == peak;
    const Vec power = math::exp(x[j] - peak);
    peaks = peaks + select(at_peak, Vec(1.0f), zero);
    v[j] = select(at_peak, zero, power);
    power.store(x.value[j]);
  }
  fold_classes(v, [](Vec a, Vec b) { return a + b; });
  const Vec others = v[0] + peaks;
  peak.store(s.peak);
  math::log_sum_exp(others).store(s.log_sum);
  alignas(64) float factor[kLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = first + i;
    factor[i] = p.weight != nullptr ? p.scale * p.weight[row] : p.scale;
    p.loss[row] = label_loss(p, s, i, row);
  }
  if (p.dx == nullptr) return;
  const Vec share = Vec::load(factor) * (Vec(1.0f) / (Vec(1.0f) + others));
  for (std::int64_t j = 0; j < p.cols; ++j) (x[j] * share).store(x.value[j]);
  x.write(p.dx + first * p.cols, count, p.cols);
  for (std::int64_t i = 0; i < count; ++i)
    if (const std::int32_t label = p.label[first + i]; has_class(p, label))
      p.dx[(first + i) * p.cols + label] -= factor[i];
}

void softmax_cross_entropy(const LossRows& p) {
  SoftmaxRows s;
  const bool few = p.label != nullptr && p.cols <= kLanes;
  for (std::int64_t first = 0; first < p.rows; first += kLanes) {
    const std::int64_t count = p.rows - first < kLanes ? p.rows - first : kLanes;
    if (few) {
      few_classes(p, s, first, count);
      continue;
    }
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
