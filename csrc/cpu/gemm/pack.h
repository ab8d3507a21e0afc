// Packs one panel of a transposed b: packed[p * width + j] = b[j * ldb + p], columns beyond `cols` zero, by
// squares that are transposed in registers. Reads 4 bytes an element, writes 4.
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

}  // namespace
}  // namespace densor::cpu
