// Softmax of each row: y = exp(x - max) / sum, and dx = y (dy - sum(dy y)). A row is summed in sixteen lanes,
// then by their fixed tree. forward moves 20 bytes an element (rows that fit the cache are read once from
// memory), backward 20; of bfloat16 arrays 14 and 10.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/exp.h"

namespace densor::cpu {
namespace {

template <class T>
float row_max(const T* x, std::int64_t cols) {
  Vec top(-math::kInfinity);
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    Vec v = load(x + j, n);
    if (n < kLanes) v = first_lanes(v, n, -math::kInfinity);
    top = max(top, v);
  });
  return max_lanes(top);
}

// Where the exponentials of a row lie until their sum is known.
inline float* exponentials(float* y, float*) { return y; }
inline float* exponentials(std::uint16_t*, float* room) { return room; }

template <class T>
void softmax_row(T* y, const T* x, std::int64_t cols, float* room) {
  const Vec top(row_max(x, cols));
  float* power = exponentials(y, room);
  Vec sum(0.0f);
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    Vec e = math::exp(load(x + j, n) - top);
    if (n < kLanes) e = first_lanes(e, n, 0.0f);
    store_lanes(power + j, n, e);
    sum = sum + e;
  });
  const Vec factor(1.0f / sum_lanes(sum));
  each_vector(cols,
              [&](std::int64_t j, int n, auto load) { round_lanes(y + j, n, load(power + j, n) * factor); });
}

template <class T>
void softmax_forward(T* y, const T* x, std::int64_t rows, std::int64_t cols, float* room) {
  for (std::int64_t i = 0; i < rows; ++i) softmax_row(y + i * cols, x + i * cols, cols, room);
}

template <class T>
void softmax_row_backward(T* dx, const T* dy, const T* y, std::int64_t cols) {
  Vec sum(0.0f);
  each_vector(cols,
              [&](std::int64_t j, int n, auto load) { sum = fma(load(dy + j, n), load(y + j, n), sum); });
  const Vec dot(sum_lanes(sum));
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    round_lanes(dx + j, n, load(y + j, n) * (load(dy + j, n) - dot));
  });
}

template <class T>
void softmax_backward(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i)
    softmax_row_backward(dx + i * cols, dy + i * cols, y + i * cols, cols);
}

template <class T>
void fill_softmax(StoredKernels<T>& k) {
  k.softmax = {softmax_forward<T>, softmax_backward<T>};
}

}  // namespace
}  // namespace densor::cpu
