// Whether each row's prediction is right. Reads 4 bytes an element (8 where the target is no label).
#pragma once

#include <limits>

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

// The first column whose value meets the test.
template <class Test>
std::int64_t first_column(const float* x, std::int64_t cols, Test test) {
  std::int64_t found = cols;
  for (std::int64_t j = 0; j < cols && found == cols; j += kLanes) {
    const int n = cols - j < kLanes ? static_cast<int>(cols - j) : kLanes;
    const std::uint32_t bits = bits_of(lanes_below(n) & test(Vec::load_first(x + j, n)));
    if (bits != 0) found = j + __builtin_ctz(bits);
  }
  return found;
}

// As NumPy: the first NaN if there is one, else the first maximum.
std::int64_t argmax(const float* x, std::int64_t cols) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  Vec peak(kLowest);
  Mask ordered = lanes_below(kLanes);
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    const Vec v = load(x + j, n);
    ordered = ordered & (v == v);
    peak = max(peak, n == kLanes ? v : first_lanes(v, n, kLowest));
  });
  if (any(!ordered)) return first_column(x, cols, [](Vec v) { return !(v == v); });
  const Vec highest(max_lanes(peak));
  return first_column(x, cols, [highest](Vec v) { return v == highest; });
}

void accuracy_sparse(float* correct, const float* x, const std::int32_t* label, std::int64_t rows,
                     std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i) correct[i] = argmax(x + i * cols, cols) == label[i] ? 1.0f : 0.0f;
}

void accuracy_categorical(float* correct, const float* x, const float* target, std::int64_t rows,
                          std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i)
    correct[i] = argmax(x + i * cols, cols) == argmax(target + i * cols, cols) ? 1.0f : 0.0f;
}

void accuracy_binary(float* correct, const float* x, const float* target, std::int64_t rows,
                     std::int64_t cols, float threshold) {
  for (std::int64_t i = 0; i < rows; ++i) {
    int right = 0;
    each_vector(cols, [&](std::int64_t j, int n, auto load) {
      const Vec decided = select(load(x + i * cols + j, n) > Vec(threshold), Vec(1.0f), Vec(0.0f));
      right += __builtin_popcount(bits_of(lanes_below(n) & (decided == load(target + i * cols + j, n))));
    });
    correct[i] = static_cast<float>(right) / static_cast<float>(cols);
  }
}

void fill_accuracy(Kernels& k) {
  k.accuracy_sparse = accuracy_sparse;
  k.accuracy_categorical = accuracy_categorical;
  k.accuracy_binary = accuracy_binary;
}

}  // namespace
}  // namespace densor::cpu
