// float32 operands as planes of bfloat16 terms (math/bf16_split.h): how many there are, which meet in a
// product, and how the wgmma kernel has them lie in memory.
#pragma once

#include <cstdint>

#include "cuda/gemm/problem.h"

namespace densor::cuda {

constexpr int planes_of(int products) { return products == 1 ? 1 : products == 3 ? 2 : 3; }

// Which term of a meets which term of b in product p, the smallest products first.
constexpr int term_of_a(int products, int p) {
  return products == 1 ? 0 : products == 3 ? (p == 0 ? 1 : 0) : p == 0 ? 2 : p == 1 || p == 3 ? 1 : 0;
}
constexpr int term_of_b(int products, int p) {
  return products == 1 ? 0 : products == 3 ? (p == 1 ? 1 : 0) : p == 2 ? 2 : p == 1 || p == 4 ? 1 : 0;
}

// Packed planes are a sequence of units, all that a tile needs of an operand at one step along k: the planes
// one after the other, of each plane the lines (rows of a, columns of b) of the tile, of each line kTerms
// terms. Units of a tile follow one another in k. What lies outside the operand is zero.
constexpr int kWgmmaRows = 128;
constexpr int wgmma_terms(int products) { return products == 1 ? 64 : 32; }
constexpr std::int64_t wgmma_blocks(std::int64_t k, int products) {
  return (k + wgmma_terms(products) - 1) / wgmma_terms(products);
}
constexpr std::int64_t wgmma_tiles(std::int64_t lines, int tile_lines) {
  return (lines + tile_lines - 1) / tile_lines;
}
// Floats that the packed planes of an operand take.
constexpr std::int64_t packed_floats(std::int64_t lines, int tile_lines, std::int64_t k, int products) {
  return wgmma_tiles(lines, tile_lines) * wgmma_blocks(k, products) * planes_of(products) * tile_lines *
         wgmma_terms(products) / 2;
}
// Floats of scratch memory of a product: a, b, and the partial sums where k is cut.
constexpr std::int64_t wgmma_scratch(const GemmProblem& p, const WgmmaTiling& t) {
  return packed_floats(p.m, kWgmmaRows, p.k, t.products) + packed_floats(p.n, t.cols, p.k, t.products) +
         (t.parts > 1 ? t.parts * p.m * p.n : 0);
}

}  // namespace densor::cuda
