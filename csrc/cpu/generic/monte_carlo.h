// Mean, deviation and entropy over samples of a model's outputs. accumulate reads 12 bytes an element,
// writes 8.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/monte_carlo.h"

namespace densor::cpu {
namespace {

void monte_carlo_accumulate(float* mean, float* squares, const float* x, std::int64_t n, std::int64_t index) {
  const Vec share(1.0f / static_cast<float>(index + 1));
  each_vector(n, [&](std::int64_t i, int lanes, auto load) {
    Vec center(0.0f), sum(0.0f);
    if (index > 0) {
      center = load(mean + i, lanes);
      sum = load(squares + i, lanes);
    }
    math::add_sample(center, sum, load(x + i, lanes), share);
    store_lanes(mean + i, lanes, center);
    store_lanes(squares + i, lanes, sum);
  });
}

void monte_carlo_deviation(float* deviation, const float* squares, std::int64_t n, std::int64_t samples) {
  const Vec count(static_cast<float>(samples));
  each_vector(n, [&](std::int64_t i, int lanes, auto load) {
    store_lanes(deviation + i, lanes, sqrt(load(squares + i, lanes) / count));
  });
}

void monte_carlo_entropy(float* entropy, const float* p, std::int64_t rows, std::int64_t cols,
                         bool independent) {
  for (std::int64_t i = 0; i < rows; ++i) {
    Vec sum(0.0f);
    each_vector(cols, [&](std::int64_t j, int lanes, auto load) {
      const Vec q = load(p + i * cols + j, lanes);  // 0 behind the last column: no surprise
      sum = sum + math::surprise(q);
      if (independent) sum = sum + first_lanes(math::surprise(Vec(1.0f) - q), lanes, 0.0f);
    });
    entropy[i] = sum_lanes(sum);
  }
}

void fill_monte_carlo(Kernels& k) {
  k.monte_carlo_accumulate = monte_carlo_accumulate;
  k.monte_carlo_deviation = monte_carlo_deviation;
  k.monte_carlo_entropy = monte_carlo_entropy;
}

}  // namespace
}  // namespace densor::cpu
