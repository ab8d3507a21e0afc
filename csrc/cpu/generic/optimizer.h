// One optimizer step over a range of the flat arenas: clip, decoupled weight decay, rule, mask, average.
// Reads parameters, gradients and slots once and writes parameters and slots once: 4 (3 + 2 slots) bytes an
// element, 8 more with an average, 1/8 more with a mask. The sum of squares behind a norm reads 4 bytes an
// element.
#pragma once

#include "cpu/generic/double_sum.h"
#include "cpu/generic/reduce.h"
#include "cpu/kernels.h"
#include "math/clip.h"
#include "math/optimizer.h"

namespace densor::cpu {
namespace {

// The step with its numbers spread over lanes.
template <class Rule, bool kDecay>
struct OptimizerStep {
  Vec c[Rule::kCoefficients + 1];
  Vec decay, factor, bound;

  explicit OptimizerStep(const OptimizerRange& p)
      : decay(p.decay), factor(p.clip_factor), bound(p.clip_value) {
    for (int k = 0; k < Rule::kCoefficients; ++k) c[k] = Vec(p.coefficients[k]);
  }

  Vec clipped(Vec g) const { return math::clip_value(g * factor, bound); }

  void operator()(Vec& w, Vec g, Vec* s) const {
    if constexpr (kDecay) w = fma(-decay, w, w);
    Rule::update(w, clipped(g), s, c);
  }
};

// One vector of a range: n = 16 lanes, or the last ones.
struct OptimizerLanes {
  std::int64_t i;
  int n;

  Vec load(const float* p) const { return n == kLanes ? Vec::load(p + i) : Vec::load_first(p + i, n); }
  void store(float* p, Vec v) const {
    if (n == kLanes)
      v.store(p + i);
    else
      v.store_first(p + i, n);
  }
  // Masks have a word for 16 elements; a range with a mask begins at a multiple of 16.
  Mask kept(const std::uint16_t* mask) const { return mask_from_bits(mask[i / kLanes]); }
};

// f for the elements [begin, end).
template <class F>
void each_lanes(std::int64_t begin, std::int64_t end, F f) {
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) f(OptimizerLanes{i, kLanes});
  if (i < end) f(OptimizerLanes{i, static_cast<int>(end - i)});
}

// The mean of the weights as they are now, and these set to it where `overwrite`.
Vec averaged(const OptimizerRange& p, const OptimizerLanes& at, Vec w) {
  const Vec keep(p.average_momentum);
  const Vec average = fma(keep, at.load(p.average), (Vec(1.0f) - keep) * w);
  at.store(p.average, average);
  return p.overwrite ? average : w;
}

// kExtras: there is a mask or an average.
template <class Rule, bool kDecay, bool kExtras>
void optimizer_range(const OptimizerRange& p, std::int64_t n) {
  const OptimizerStep<Rule, kDecay> step(p);
  for (std::int64_t row = 0; row < p.rows; ++row) {
    const std::int64_t begin = row * p.ld;
    const float* gradient = p.g + row * (p.ldg - p.ld);
    each_lanes(begin, begin + n, [&](const OptimizerLanes& at) {
      Vec s[Rule::kSlots + 1];
      Vec w = at.load(p.w), g = at.load(gradient);
      if constexpr (kExtras)
        if (p.mask != nullptr) g = select(at.kept(p.mask), g, Vec(0.0f));
      for (int k = 0; k < Rule::kSlots; ++k) s[k] = at.load(p.slots[k]);
      step(w, g, s);
      for (int k = 0; k < Rule::kSlots; ++k) at.store(p.slots[k], s[k]);
      if constexpr (kExtras) {
        if (p.mask != nullptr) w = select(at.kept(p.mask), w, Vec(0.0f));
        if (p.average != nullptr) w = averaged(p, at, w);
      }
      at.store(p.w, w);
    });
  }
}

template <class Rule, bool kDecay>
void optimizer_with(const OptimizerRange& p, std::int64_t n) {
  if (p.mask != nullptr || p.average != nullptr)
    optimizer_range<Rule, kDecay, true>(p, n);
  else
    optimizer_range<Rule, kDecay, false>(p, n);
}

// Without decay nothing is multiplied: 0 times an infinite weight would be NaN.
template <class Rule>
void optimizer(const OptimizerRange& p, std::int64_t n) {
  if (p.decay != 0.0f)
    optimizer_with<Rule, true>(p, n);
  else
    optimizer_with<Rule, false>(p, n);
}

// Clip, decay and slots of LAMB; what its second part needs to know of the range.
TrustSums lamb_moments(const OptimizerRange& p, std::int64_t n) {
  const OptimizerStep<math::Lamb, false> step(p);
  const Vec decay(p.decay);
  Vec weights(0.0f), steps(0.0f);
  each_lanes(0, n, [&](const OptimizerLanes& at) {
    Vec s[2] = {at.load(p.slots[0]), at.load(p.slots[1])};
    Vec w = at.load(p.w), g = at.load(p.g);
    if (p.mask != nullptr) g = select(at.kept(p.mask), g, Vec(0.0f));
    if (p.decay != 0.0f) {
      w = fma(-decay, w, w);
      at.store(p.w, w);
    }
    const Vec u = math::Lamb::moments(step.clipped(g), s, step.c);
    for (int k = 0; k < 2; ++k) at.store(p.slots[k], s[k]);
    weights = fma(w, w, weights);
    steps = fma(u, u, steps);
  });
  return {static_cast<double>(sum_lanes(weights)), static_cast<double>(sum_lanes(steps))};
}

void prepare_gradient(float* g, float* accumulator, const std::uint16_t* mask, std::int64_t n, float scale) {
  each_lanes(0, n, [=](const OptimizerLanes& at) {
    Vec x = at.load(g);
    if (accumulator != nullptr) {
      x = (x + at.load(accumulator)) * Vec(scale);
      at.store(accumulator, Vec(0.0f));
    }
    if (mask != nullptr) x = select(at.kept(mask), x, Vec(0.0f));
    at.store(g, x);
  });
}

void fill_optimizer(Kernels& k) {
  math::OptimizerRules::each([&k](int index, auto rule) { k.optimizer[index] = optimizer<decltype(rule)>; });
  k.sum_of_squares = double_sum_of_squares;
  k.lamb_moments = lamb_moments;
  k.prepare_gradient = prepare_gradient;
}

}  // namespace
}  // namespace densor::cpu
