// The sum of squares of x^T d without x^T d: over all pairs of rows, the sum of (x_i . x_j) (d_i . d_j),
// whose terms are the elements of the Gram matrices of x and d. Products of floats are exact in double, sums
// are rounded there, so that the result is as good as that of squaring x^T d in float32 even where the pairs
// cancel, and has the same bits on every target. Takes rows^2 (inputs + units) multiply-adds for all tiles.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

using GramTile = double[kGramSide][kGramSide];

// The lanes of a chain, to one number.
inline double sum_lanes(DVec v) {
  alignas(64) double lane[DVec::kCount];
  v.store(lane);
  for (int width = DVec::kCount / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

// acc += a_i b_j for eight terms, or the first n.
template <int Side, class Load>
inline void add_products(DVec (&acc)[Side][Side], const float* const* a, const float* const* b, Load load) {
  DVec other[Side];
#pragma GCC unroll 4
  for (int j = 0; j < Side; ++j) other[j] = load(b[j]);
#pragma GCC unroll 4
  for (int i = 0; i < Side; ++i) {
    const DVec one = load(a[i]);
#pragma GCC unroll 4
    for (int j = 0; j < Side; ++j) acc[i][j] = fma(one, other[j], acc[i][j]);
  }
}

// sums[i][j] = a_i . b_j over n terms, eight chains each.
template <int Side>
void dot_rows(GramTile& sums, int top, int left, const float* const* a, const float* const* b,
              std::int64_t n) {
  DVec acc[Side][Side];
#pragma GCC unroll 4
  for (int i = 0; i < Side; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Side; ++j) acc[i][j] = DVec::zero();
  }
  std::int64_t k = 0;
  for (; k + DVec::kCount <= n; k += DVec::kCount)
    add_products(acc, a, b, [k](const float* p) { return DVec::load(p + k); });
  if (k < n)
    add_products(acc, a, b,
                 [k, n](const float* p) { return DVec::load_first(p + k, static_cast<int>(n - k)); });
#pragma GCC unroll 4
  for (int i = 0; i < Side; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Side; ++j) sums[top + i][left + j] = sum_lanes(acc[i][j]);
  }
}

// Rows behind the last one are the last one again.
void gram_tile(GramTile& sums, const float* x, std::int64_t top, std::int64_t left, std::int64_t rows,
               std::int64_t cols) {
  const float *a[kGramSide], *b[kGramSide];
  for (int i = 0; i < kGramSide; ++i) {
    a[i] = x + (top + i < rows ? top + i : rows - 1) * cols;
    b[i] = x + (left + i < rows ? left + i : rows - 1) * cols;
  }
  for (int i = 0; i < kGramSide; i += kDVecSide)
    for (int j = 0; j < kGramSide; j += kDVecSide) dot_rows<kDVecSide>(sums, i, j, a + i, b + j, cols);
}

// Tiles are those of the lower triangle, row by row; one beside the diagonal stands for its mirror image,
// too.
double gram_norm(const GramOperands& p, std::int64_t tile) {
  std::int64_t down = 0;
  while ((down + 1) * (down + 2) / 2 <= tile) ++down;
  const std::int64_t across = tile - down * (down + 1) / 2;
  const std::int64_t top = down * kGramSide, left = across * kGramSide;
  GramTile of_x, of_d;
  gram_tile(of_x, p.x, top, left, p.rows, p.inputs);
  gram_tile(of_d, p.d, top, left, p.rows, p.units);
  double sum = 0.0;
  for (int i = 0; i < kGramSide && top + i < p.rows; ++i)
    for (int j = 0; j < kGramSide && left + j < p.rows; ++j) sum += of_x[i][j] * of_d[i][j];
  return down == across ? sum : 2.0 * sum;
}

void fill_gram_norm(Kernels& k) { k.gram_norm = gram_norm; }

}  // namespace
}  // namespace densor::cpu
