// A matrix product on the device: c (m, n) = a b over k terms, then c + bias, then relu.
#pragma once

#include <cstdint>

namespace densor::cuda {

struct GemmProblem {
  std::int64_t m, n, k;
  bool transpose_a = false;  // a is stored (k, m)
  bool transpose_b = false;  // b is stored (n, k)
};

struct GemmOperands {
  float* c;
  const float* a;
  const float* b;
};

struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  bool relu = false;
};

}  // namespace densor::cuda
