// A matrix product on the device: c (m, n) = a b over k terms, then c + bias, then relu.
#pragma once

#include <cstdint>

#include "core/worker.h"

namespace densor::cuda {

struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  // a is stored (k, m)
  bool transpose_b = false;  // b is stored (n, k)
};

struct GemmOperands {
  float* c;
  const float* a;
  const float* b;
  // Set where the terms are rows of the batch, which may have fewer than the arrays. Then a and b are stored
  // by terms.
  const Batch* batch = nullptr;
};

struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  bool relu = false;
};

// How the wgmma kernel cuts a product: tiles of 128 x cols, k into `parts` whose sums are added in order.
struct WgmmaTiling {
  int products = 6;  // 1, 3 or 6
  int cols = 128;    // 64 or 128; of one product also 256
  int parts = 1;
};

}  // namespace densor::cuda
