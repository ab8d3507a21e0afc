// Rescales the columns (or rows) of a matrix in place, so that their norms come towards [low, high]. Reads
// each element twice and writes it once; a strip of columns is in the cache the second time.
#pragma once

#include "cpu/generic/double_sum.h"
#include "cpu/generic/strip.h"
#include "cpu/kernels.h"
#include "math/norm_constraint.h"

namespace densor::cpu {
namespace {

constexpr std::int64_t kSquaredRows = 64;  // rows whose squares are summed before they join the others

template <class S>
void constrain_strip(const S& strip, float* w, std::int64_t rows, std::int64_t ld, const NormConstraint& p) {
  Vec factor[S::kCount];
  for (int c = 0; c < S::kCount; ++c) {
    Vec total(0.0f);
    for (std::int64_t begin = 0; begin < rows; begin += kSquaredRows) {
      const std::int64_t end = begin + kSquaredRows < rows ? begin + kSquaredRows : rows;
      Vec chain(0.0f);
      for (std::int64_t i = begin; i < end; ++i) {
        const Vec x = strip.load(w + i * ld, c);
        chain = fma(x, x, chain);
      }
      total = total + chain;
    }
    factor[c] = math::norm_constraint_factor(sqrt(total), Vec(p.low), Vec(p.high), Vec(p.rate));
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < S::kCount; ++c) strip.store(w + i * ld, c, strip.load(w + i * ld, c) * factor[c]);
}

void norm_constraint_columns(float* w, std::int64_t rows, std::int64_t cols, std::int64_t ld,
                             const NormConstraint& p) {
  each_strip<1>(cols, [=, &p](auto strip, std::int64_t j) { constrain_strip(strip, w + j, rows, ld, p); });
}

void norm_constraint_rows(float* w, std::int64_t rows, std::int64_t cols, const NormConstraint& p) {
  for (std::int64_t i = 0; i < rows; ++i) {
    float* row = w + i * cols;
    const double squares = double_sum_of_squares(row, cols);
    const Vec norm = sqrt(Vec(static_cast<float>(squares)));
    const Vec factor = math::norm_constraint_factor(norm, Vec(p.low), Vec(p.high), Vec(p.rate));
    each_strip<1>(
        cols, [=](auto strip, std::int64_t j) { strip.store(row + j, 0, strip.load(row + j, 0) * factor); });
  }
}

void fill_norm_constraint(Kernels& k) {
  k.norm_constraint_columns = norm_constraint_columns;
  k.norm_constraint_rows = norm_constraint_rows;
}

}  // namespace
}  // namespace densor::cpu
