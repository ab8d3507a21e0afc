// Products of a matrix with a vector from either side, for the power iteration. Each reads the matrix once.
#pragma once

#include <type_traits>

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/generic/strip.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void rows_times(float* out, const float* w, const float* x, std::int64_t begin, std::int64_t end,
                std::int64_t cols) {
  for (std::int64_t i = begin; i < end; ++i) {
    Vec sum(0.0f);
    each_vector(cols, [&](std::int64_t j, int n, auto load) {
      sum = fma(load(w + i * cols + j, n), load(x + j, n), sum);
    });
    out[i] = sum_lanes(sum);
  }
}

void columns_times(float* out, const float* w, const float* x, std::int64_t rows, std::int64_t begin,
                   std::int64_t end, std::int64_t cols) {
  each_strip<4>(end - begin, [&](const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    const std::int64_t at = begin + j;
    Vec sum[kCount];
    for (int c = 0; c < kCount; ++c) sum[c] = Vec(0.0f);
    for (std::int64_t i = 0; i < rows; ++i)
      for (int c = 0; c < kCount; ++c) sum[c] = fma(strip.load(w + i * cols + at, c), Vec(x[i]), sum[c]);
    for (int c = 0; c < kCount; ++c) strip.store(out + at, c, sum[c]);
  });
}

void fill_spectral_norm(Kernels& k) {
  k.rows_times = rows_times;
  k.columns_times = columns_times;
}

}  // namespace
}  // namespace densor::cpu
