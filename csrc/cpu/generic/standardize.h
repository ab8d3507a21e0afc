// Columns to mean 0 and deviation 1 by given statistics, and back. Reads 4 bytes an element, writes 4.
#pragma once

#include "cpu/generic/strip.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

inline Vec standardized(Vec x, Vec mean, Vec deviation, bool invert) {
  return invert ? fma(x, deviation, mean) : (x - mean) / deviation;
}

inline Vec deviation_of(Vec variance, float epsilon) { return max(sqrt(variance), Vec(epsilon)); }

void standardize(float* y, const float* x, const float* mean, const float* variance, std::int64_t rows,
                 std::int64_t cols, std::int64_t ld, float epsilon, bool invert) {
  each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
    const Vec center = strip.load_or(mean, j, 0, 0.0f);
    const Vec deviation = deviation_of(strip.load(variance + j, 0), epsilon);
    for (std::int64_t i = 0; i < rows; ++i)
      strip.store(y + i * ld + j, 0, standardized(strip.load(x + i * ld + j, 0), center, deviation, invert));
  });
}

void fill_standardize(Kernels& k) { k.standardize = standardize; }

}  // namespace
}  // namespace densor::cpu
