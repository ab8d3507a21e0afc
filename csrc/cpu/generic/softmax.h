// Softmax of each row: y = exp(x - max) / sum, and dx = y (dy - sum(dy y)). A row is summed in sixteen lanes,
// then by their fixed tree. forward moves 20 bytes an element (rows that fit the cache are read once from
// memory), backward 20.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/kernels.h"
#include "math/exp.h"

namespace densor::cpu {
namespace {

inline float row_max(const float* x, std::int64_t cols) {
  Vec top(-math::kInfinity);
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) top = max(top, Vec::load(x + j));
  if (const int rest = static_cast<int>(cols - j); rest > 0)
    top = max(top, first_lanes(Vec::load_first(x + j, rest), rest, -math::kInfinity));
  return max_lanes(top);
}

void softmax_row(float* y, const float* x, std::int64_t cols) {
  const Vec top(row_max(x, cols));
  Vec sum(0.0f);
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) {
    const Vec e = math::exp(Vec::load(x + j) - top);
    e.store(y + j);
    sum = sum + e;
  }
  const int rest = static_cast<int>(cols - j);
  if (rest > 0) {
    const Vec e = first_lanes(math::exp(Vec::load_first(x + j, rest) - top), rest, 0.0f);
    e.store_first(y + j, rest);
    sum = sum + e;
  }
  const Vec factor(1.0f / sum_lanes(sum));
  for (j = 0; j + kLanes <= cols; j += kLanes) (Vec::load(y + j) * factor).store(y + j);
  if (rest > 0) (Vec::load_first(y + j, rest) * factor).store_first(y + j, rest);
}

void softmax_forward(float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i) softmax_row(y + i * cols, x + i * cols, cols);
}

void softmax_row_backward(float* dx, const float* dy, const float* y, std::int64_t cols) {
  Vec sum(0.0f);
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) sum = fma(Vec::load(dy + j), Vec::load(y + j), sum);
  const int rest = static_cast<int>(cols - j);
  if (rest > 0) sum = fma(Vec::load_first(dy + j, rest), Vec::load_first(y + j, rest), sum);
  const Vec dot(sum_lanes(sum));
  for (j = 0; j + kLanes <= cols; j += kLanes) (Vec::load(y + j) * (Vec::load(dy + j) - dot)).store(dx + j);
  if (rest > 0)
    (Vec::load_first(y + j, rest) * (Vec::load_first(dy + j, rest) - dot)).store_first(dx + j, rest);
}

void softmax_backward(float* dx, const float* dy, const float* y, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i)
    softmax_row_backward(dx + i * cols, dy + i * cols, y + i * cols, cols);
}

void fill_softmax(Kernels& k) {
  k.softmax_forward = softmax_forward;
  k.softmax_backward = softmax_backward;
}

}  // namespace
}  // namespace densor::cpu
