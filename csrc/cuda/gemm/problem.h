// A matrix product on the device: c (m, n) = a b over k terms, then c + bias, then an activation; or, of a
// gradient, whose b is transposed, what its slope says.
#pragma once

#include <cstdint>

#include "core/worker.h"
#include "math/activation_kind.h"

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
  // a and b, and c, point at bfloat16 numbers: of one product of such on the matrix units, which sums in
  // float32 and rounds c once.
  bool halves = false, half_c = false;
};

// What a gradient is multiplied by: keep ? scale : 0 where there is a mask, then activation'(saved) where
// there is `saved`. Where c is of bfloat16 numbers, so is `saved`, and each product is rounded.
struct GemmSlope {
  const std::uint16_t* mask = nullptr;  // (m, mask_words(n))
  float scale = 1;
  const float* saved = nullptr;  // (m, n)
  math::Activation activation = math::Activation::linear;
  float alpha = 0;

  // relu's is applied to sums in registers; what is stored is multiplied by any other.
  constexpr bool relu() const { return saved != nullptr && activation == math::Activation::relu; }
  constexpr bool other() const { return saved != nullptr && activation != math::Activation::relu; }
};

// Dropout of results that are linear or relu's: c = keep ? scale c : 0. The mask, (m, mask_words(n)), tells
// what was kept, behind relu what both let pass.
struct GemmDropout {
  std::uint16_t* mask = nullptr;
  const Batch* batch = nullptr;  // whose step the noise is of
  std::uint64_t seed = 0;
  std::uint32_t stream = 0, threshold = 0;
  float scale = 1;
};

// What is found out about the results on their way, by the block that has them: of c = a b the moments of the
// columns in parts of the rows that the batch has, (2, parts, n), means of what is left of a part without its
// first row and squared deviations from these; of c = a^T b the sums of squares, one for each tile. Plans say
// how many (plan.h); a null pointer: nobody asks.
struct GemmSums {
  float* moments = nullptr;
  bool rounded = false;          // the moments are those of the results rounded to bfloat16
  const Batch* batch = nullptr;  // of the moments
  double* squares = nullptr;
};

// Of c = a b: the activation is that of float32 sums, before anything is rounded. Moments are told of those
// that are linear or relu, and as dropout leaves them; slopes belong to gradients.
struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  math::Activation activation = math::Activation::linear;
  float alpha = 0;
  float* z = nullptr;  // (m, n), c as it is before the activation, stored as c is; where that is not relu
  GemmSlope slope{};
  GemmDropout dropout{};
  GemmSums sums{};

  // Whether anything becomes of a sum but c.
  constexpr bool any() const {
    return bias != nullptr || activation != math::Activation::linear || slope.mask != nullptr ||
           slope.saved != nullptr || drops();
  }
  constexpr bool drops() const { return dropout.mask != nullptr; }
  // relu is applied in registers; the others, which are long, in a loop (activate_sums).
  constexpr bool relu() const { return activation == math::Activation::relu; }
  constexpr bool other() const { return !relu() && activation != math::Activation::linear; }
};

// The sides of the tiles of c: of multiply-adds the largest that still give every multiprocessor something to
// do, of mma.sync always the same.
constexpr std::int64_t gemm_tiles(const GemmProblem& p, std::int64_t rows, std::int64_t cols) {
  return (p.m + rows - 1) / rows * ((p.n + cols - 1) / cols);
}
constexpr int simt_tile(const GemmProblem& p) {
  constexpr std::int64_t kProcessors = 132;
  return gemm_tiles(p, 128, 128) >= kProcessors ? 128 : gemm_tiles(p, 64, 64) >= kProcessors ? 64 : 32;
}
inline constexpr int kMmaRows = 128, kMmaCols = 64;

// How the wgmma kernel cuts a product: tiles of 128 x cols, k into `parts` whose sums are added in order.
struct WgmmaTiling {
  int products = 6;  // 1, 3 or 6
  int cols = 128;    // 64 or 128; of one product also 256
  int parts = 1;
};

// Blocks of the kernel that adds the parts of `elements` results.
constexpr std::int64_t part_blocks(std::int64_t elements) {
  constexpr std::int64_t kMost = 1056, kEach = 256;
  const std::int64_t wanted = (elements + kEach - 1) / kEach;
  return wanted < kMost ? wanted : kMost;
}

}  // namespace densor::cuda
