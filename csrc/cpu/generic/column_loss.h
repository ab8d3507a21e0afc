// Losses that are the mean over columns of a function f(x, target): the rows' losses and gradients in one
// pass. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

// One row; or, where the loss has one column, all rows as one.
template <class F>
struct LossRow {
  const float* x;
  const float* target;
  bool broadcast;  // one target for the whole row
  float* dx;       // or null

  // f of the columns [j, j + n), zero in the other lanes; their gradient is f' * factor.
  template <bool kWhole>
  Vec columns(std::int64_t j, int n, Vec factor) const {
    const auto load = [n](const float* p) { return kWhole ? Vec::load(p) : Vec::load_first(p, n); };
    const Vec value = load(x + j), t = broadcast ? Vec(*target) : load(target + j);
    if (dx != nullptr) {
      const Vec gradient = factor * F::derivative(value, t);
      if constexpr (kWhole)
        gradient.store(dx + j);
      else
        gradient.store_first(dx + j, n);
    }
    const Vec loss = F::value(value, t);
    return kWhole ? loss : first_lanes(loss, n, 0.0f);
  }

  // Four chains, so that an addition need not wait for the one before.
  float sum(std::int64_t cols, Vec factor) const {
    constexpr int kChains = 4;
    Vec chain[kChains] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
    std::int64_t j = 0;
    for (; j + kChains * kLanes <= cols; j += kChains * kLanes)
      for (int c = 0; c < kChains; ++c) chain[c] = chain[c] + columns<true>(j + c * kLanes, kLanes, factor);
    for (; j + kLanes <= cols; j += kLanes) chain[0] = chain[0] + columns<true>(j, kLanes, factor);
    if (j < cols) chain[1] = chain[1] + columns<false>(j, static_cast<int>(cols - j), factor);
    return sum_lanes((chain[0] + chain[1]) + (chain[2] + chain[3]));
  }
};

// One column: rows lie in lanes, and nothing is summed.
template <class F>
void single_column_loss(const LossRows& p) {
  const LossRow<F> row{p.x, p.target, false, p.dx};
  std::int64_t i = 0;
  for (; i + kLanes <= p.rows; i += kLanes) {
    const Vec weight = p.weight != nullptr ? Vec::load(p.weight + i) : Vec(1.0f);
    row.template columns<true>(i, kLanes, weight * Vec(p.scale)).store(p.loss + i);
  }
  if (const int rest = static_cast<int>(p.rows - i); rest > 0) {
    const Vec weight = p.weight != nullptr ? Vec::load_first(p.weight + i, rest) : Vec(1.0f);
    row.template columns<false>(i, rest, weight * Vec(p.scale)).store_first(p.loss + i, rest);
  }
}

template <class F>
void column_loss(const LossRows& p) {
  if (p.cols == 1) return single_column_loss<F>(p);
  const float cols = static_cast<float>(p.cols);
  for (std::int64_t i = 0; i < p.rows; ++i) {
    const LossRow<F> row{p.x + i * p.cols, p.target + i * p.target_cols, p.target_cols == 1,
                         p.dx != nullptr ? p.dx + i * p.cols : nullptr};
    const float weight = p.weight != nullptr ? p.weight[i] : 1.0f;
    p.loss[i] = row.sum(p.cols, Vec(weight * p.scale / cols)) / cols;
  }
}

}  // namespace
}  // namespace densor::cpu
