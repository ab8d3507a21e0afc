// A matrix product on the device: c (m, n) = a b over k terms, then c + bias, then relu; or, of a gradient,
// whose b is transposed, what its slope says.
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

// What a gradient is multiplied by: keep ? scale : 0 where there is a mask, then relu'(y) where there is y.
struct GemmSlope {
  const std::uint16_t* mask = nullptr;  // (m, mask_words(n))
  float scale = 1;
  const float* y = nullptr;  // (m, n)
};

struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  bool relu = false;
  GemmSlope slope{};
};

// How the wgmma kernel cuts a product: tiles of 128 x cols, k into `parts` whose sums are added in order.
struct WgmmaTiling {
  int products = 6;  // 1, 3 or 6
  int cols = 128;    // 64 or 128; of one product also 256
  int parts = 1;
};

}  // namespace densor::cuda
