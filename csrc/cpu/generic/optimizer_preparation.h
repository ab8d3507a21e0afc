// What Adafactor and Muon do with whole variables before the pass that changes the parameters. Adafactor
// reads the gradient twice and writes v: 24 bytes an element with the weights; Muon's direction 16.
#pragma once

#include "cpu/generic/optimizer.h"

namespace densor::cpu {
namespace {

// The sum of f over the vectors of a row, in double from 4096 elements to the next.
template <class F>
double sum_of_row(std::int64_t begin, std::int64_t end, F f) {
  constexpr std::int64_t kTogether = 4096;
  double total = 0.0;
  for (std::int64_t i = begin; i < end; i += kTogether) {
    Vec sum(0.0f);
    each_lanes(i, i + kTogether < end ? i + kTogether : end,
               [&](const OptimizerLanes& at) { sum = sum + f(at); });
    total += static_cast<double>(sum_lanes(sum));
  }
  return total;
}

// r and c of a matrix whose elements begin at `first`; `columns` becomes c over the mean of r.
void adafactor_factors(const OptimizerStep<math::Adafactor, false>& step, const OptimizerRange& p,
                       const MatrixShape& shape, std::int64_t matrix, float* columns) {
  const std::int64_t rows = shape.rows, cols = shape.cols, first = matrix * rows * cols;
  const float b = p.coefficients[1], e = p.coefficients[2];
  float *r = p.slots[0] + matrix * rows, *c = p.slots[1] + matrix * cols;
  for (std::int64_t j = 0; j < cols; ++j) columns[j] = 0.0f;
  double mean = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* g = p.g + first + i * cols;
    const double sum = sum_of_row(0, cols, [&](const OptimizerLanes& at) {
      const Vec x = step.clipped(at.load(g)), squared = x * x;
      at.store(columns, at.load(columns) + squared);
      return squared;
    });
    r[i] = b * r[i] + (1.0f - b) * (static_cast<float>(sum / static_cast<double>(cols)) + e);
    mean += static_cast<double>(r[i]);
  }
  mean /= static_cast<double>(rows);
  for (std::int64_t j = 0; j < cols; ++j) {
    c[j] = b * c[j] + (1.0f - b) * (columns[j] / static_cast<float>(rows) + e);
    columns[j] = static_cast<float>(static_cast<double>(c[j]) / mean);
  }
}

// v of one row, from v_of, with its sums of squares; the weights decay.
template <class F>
TrustSums adafactor_row(const OptimizerStep<math::Adafactor, false>& step, const OptimizerRange& p,
                        std::int64_t begin, std::int64_t end, F v_of) {
  const Vec decay(p.decay);
  double weights = 0.0;
  const double steps = sum_of_row(begin, end, [&](const OptimizerLanes& at) {
    const Vec g = step.clipped(at.load(p.g)), v = v_of(at, g);
    at.store(p.slots[2], v);
    const Vec u = math::Adafactor::direction(g, v);
    return u * u;
  });
  weights = sum_of_row(begin, end, [&](const OptimizerLanes& at) {
    Vec w = at.load(p.w);
    if (p.decay != 0.0f) {
      w = fma(-decay, w, w);
      at.store(p.w, w);
    }
    return w * w;
  });
  return {weights, steps};
}

TrustSums adafactor_moments(const OptimizerRange& p, std::int64_t n, const MatrixShape& shape,
                            float* columns) {
  const OptimizerStep<math::Adafactor, false> step(p);
  if (shape.rows == 0) {
    const Vec b = step.c[1], rest = Vec(1.0f) - b, e = step.c[2];
    return adafactor_row(step, p, 0, n, [&](const OptimizerLanes& at, Vec g) {
      return fma(b, at.load(p.slots[2]), rest * fma(g, g, e));
    });
  }
  TrustSums sums{0.0, 0.0};
  for (std::int64_t matrix = 0; matrix < shape.count; ++matrix) {
    adafactor_factors(step, p, shape, matrix, columns);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      const std::int64_t row = matrix * shape.rows + i, begin = row * shape.cols;
      const Vec r(p.slots[0][row]);
      const TrustSums found =
          adafactor_row(step, p, begin, begin + shape.cols, [&](const OptimizerLanes& at, Vec) {
            return r * OptimizerLanes{at.i - begin, at.n}.load(columns);
          });
      sums.weights += found.weights;
      sums.steps += found.steps;
    }
  }
  return sums;
}

void muon_direction(float* out, const OptimizerRange& p, std::int64_t n, float momentum, bool nesterov) {
  const Vec factor(p.clip_factor), bound(p.clip_value), mu(momentum);
  each_lanes(0, n, [&](const OptimizerLanes& at) {
    const Vec g = math::clip_value(at.load(p.g) * factor, bound);
    const Vec m = fma(mu, at.load(p.slots[0]), g);
    at.store(p.slots[0], m);
    at.store(out, nesterov ? fma(mu, m, g) : m);
  });
}

void fill_optimizer_preparation(Kernels& k) {
  k.adafactor_moments = adafactor_moments;
  k.muon_direction = muon_direction;
}

}  // namespace
}  // namespace densor::cpu
