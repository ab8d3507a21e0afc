// Packing reads 4 bytes an element and writes 4. Of a transposed b a panel: packed[p * width + j] =
// b[j * ldb + p], columns beyond `cols` zero, by squares that are transposed in registers; so, too, the rows
// of a. Of a transposed a the rows of a tile, which lie side by side.
#pragma once

#include <cstdint>

namespace densor::cpu {
namespace {

// `n` <= lanes terms of `cols` <= lanes columns.
void pack_square(float* packed, const float* b, std::int64_t ldb, std::int64_t n, std::int64_t cols,
                 std::int64_t width) {
  Reg r[kRegLanes];
  const RegMask mask = reg_mask(n);
#pragma GCC unroll 16
  for (int j = 0; j < kRegLanes; ++j) r[j] = j < cols ? reg_load(b + j * ldb, mask) : reg_zero();
  reg_transpose(r);
#pragma GCC unroll 16
  for (int p = 0; p < kRegLanes; ++p)
    if (p < n) reg_store(packed + p * width, r[p]);
}

void pack_transposed(float* packed, const float* b, std::int64_t ldb, std::int64_t k, std::int64_t cols,
                     std::int64_t width) {
  for (std::int64_t j = 0; j < cols; j += kRegLanes) {
    const std::int64_t some = cols - j < kRegLanes ? cols - j : kRegLanes;
    for (std::int64_t p = 0; p < k; p += kRegLanes) {
      const std::int64_t n = k - p < kRegLanes ? k - p : kRegLanes;
      pack_square(packed + p * width + j, b + j * ldb + p, ldb, n, some, width);
    }
  }
}

// packed[p * rows + i] = a[p * stride + i]. Read where they lie, the terms of a tile are a page each, and of
// rows of 4 KB all in one set of the L1 cache; here they follow one another for every panel. Whole vectors
// are written: the next term overwrites what is beyond the rows (masked stores cost AMD's cores six times as
// much).
void pack_rows(float* packed, const float* a, std::int64_t stride, std::int64_t k, std::int64_t rows) {
  for (std::int64_t p = 0; p < k; ++p, packed += rows, a += stride)
    for (std::int64_t i = 0; i < rows; i += kRegLanes)
      reg_store(packed + i, reg_load(a + i, reg_mask(rows - i < kRegLanes ? rows - i : kRegLanes)));
}

}  // namespace
}  // namespace densor::cpu
