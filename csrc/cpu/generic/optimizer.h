// One optimizer step over a range of the flat arenas: clip, decoupled weight decay, rule. Reads parameters,
// gradients and slots once and writes parameters and slots once: 4 (3 + 2 slots) bytes an element.
// The sum of squares behind a norm reads 4 bytes an element.
#pragma once

#include "cpu/kernels.h"
#include "math/clip.h"
#include "math/optimizer.h"

namespace densor::cpu {
namespace {

// The step with its numbers spread over lanes.
template <class Rule, bool kDecay>
struct OptimizerStep {
  Vec c[Rule::kCoefficients];
  Vec decay, factor, bound;

  explicit OptimizerStep(const OptimizerRange& p)
      : decay(p.decay), factor(p.clip_factor), bound(p.clip_value) {
    for (int k = 0; k < Rule::kCoefficients; ++k) c[k] = Vec(p.coefficients[k]);
  }

  void operator()(Vec& w, Vec g, Vec* s) const {
    g = math::clip_value(g * factor, bound);
    if constexpr (kDecay) w = fma(-decay, w, w);
    Rule::update(w, g, s, c);
  }
};

template <class Rule, bool kDecay>
void optimizer_range(const OptimizerRange& p, std::int64_t n) {
  const OptimizerStep<Rule, kDecay> step(p);
  Vec s[Rule::kSlots + 1];
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec w = Vec::load(p.w + i);
    for (int k = 0; k < Rule::kSlots; ++k) s[k] = Vec::load(p.slots[k] + i);
    step(w, Vec::load(p.g + i), s);
    for (int k = 0; k < Rule::kSlots; ++k) s[k].store(p.slots[k] + i);
    w.store(p.w + i);
  }
  if (const int rest = static_cast<int>(n - i); rest > 0) {
    Vec w = Vec::load_first(p.w + i, rest);
    for (int k = 0; k < Rule::kSlots; ++k) s[k] = Vec::load_first(p.slots[k] + i, rest);
    step(w, Vec::load_first(p.g + i, rest), s);
    for (int k = 0; k < Rule::kSlots; ++k) s[k].store_first(p.slots[k] + i, rest);
    w.store_first(p.w + i, rest);
  }
}

// Without decay nothing is multiplied: 0 times an infinite weight would be NaN.
template <class Rule>
void optimizer(const OptimizerRange& p, std::int64_t n) {
  if (p.decay != 0.0f)
    optimizer_range<Rule, true>(p, n);
  else
    optimizer_range<Rule, false>(p, n);
}

// In double, where squares of floats are exact: the same bits on every target.
double sum_of_squares(const float* x, std::int64_t n) {
  constexpr int kChains = 2 * kLanes;
  double sum[kChains] = {};
  std::int64_t i = 0;
  for (; i + kChains <= n; i += kChains)
    for (int j = 0; j < kChains; ++j) {
      const double value = x[i + j];
      sum[j] += value * value;
    }
  for (int j = 0; i < n; ++i, ++j) sum[j] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (int width = kChains / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) sum[j] += sum[j + width];
  return sum[0];
}

void fill_optimizer(Kernels& k) {
  math::OptimizerRules::each([&k](int index, auto rule) { k.optimizer[index] = optimizer<decltype(rule)>; });
  k.sum_of_squares = sum_of_squares;
}

}  // namespace
}  // namespace densor::cpu
