// Sparsemax of each row: y = max(x - tau, 0) with the tau that makes the row sum to 1 (Martins and Astudillo
// 2016). With z = x - max the support lies in z > -1; the tau of a set that contains the support never
// exceeds the right one, so dropping what is below it and starting over ends at the support (Michelot 1986).
// A round reads the row once from the cache; there are a few. Moves 12 bytes an element.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/generic/softmax.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

struct Above {
  float sum, count;
};

// Sum and number of the z = x - top above `bound`.
inline Above above(const float* x, std::int64_t cols, Vec top, Vec bound) {
  const Vec zero(0.0f), one(1.0f);
  Vec sum(0.0f), count(0.0f);
  const auto add = [&](Vec z) {
    const Mask counts = z > bound;
    sum = sum + select(counts, z, zero);
    count = count + select(counts, one, zero);
  };
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) add(Vec::load(x + j) - top);
  if (const int rest = static_cast<int>(cols - j); rest > 0)
    add(first_lanes(Vec::load_first(x + j, rest) - top, rest, -math::kInfinity));
  return {sum_lanes(sum), sum_lanes(count)};
}

void sparsemax_row(float* y, const float* x, std::int64_t cols) {
  const Vec top(row_max(x, cols));
  float tau = -1.0f, count = static_cast<float>(cols) + 1.0f;
  // Rounding must not make the rounds endless: each must drop something. No number above tau: NaN.
  for (Above found = above(x, cols, top, Vec(tau)); found.count < count && found.count > 0.0f;
       found = above(x, cols, top, Vec(tau))) {
    tau = (found.sum - 1.0f) / found.count;
    count = found.count;
  }
  const Vec bound(tau);
  const auto over = [&](Vec v) {
    const Vec z = v - top;
    return select(z > bound, z - bound, select(z <= bound, Vec(0.0f), z));
  };
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) over(Vec::load(x + j)).store(y + j);
  if (const int rest = static_cast<int>(cols - j); rest > 0)
    over(Vec::load_first(x + j, rest)).store_first(y + j, rest);
}

void sparsemax(float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i) sparsemax_row(y + i * cols, x + i * cols, cols);
}

void fill_sparsemax(Kernels& k) { k.sparsemax = sparsemax; }

}  // namespace
}  // namespace densor::cpu
