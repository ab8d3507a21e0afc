// Copies a matrix, or zeros, from or to columns of a wider one. Reads 4 bytes an element, writes 4.
#pragma once

#include <cstring>

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void copy_matrix(float* y, const float* x, std::int64_t rows, std::int64_t cols, std::int64_t ldy,
                 std::int64_t ldx) {
  const auto bytes = static_cast<std::size_t>(cols) * sizeof(float);
  for (std::int64_t i = 0; i < rows; ++i)
    if (x == nullptr)
      std::memset(y + i * ldy, 0, bytes);
    else
      std::memcpy(y + i * ldy, x + i * ldx, bytes);
}

void fill_concatenate(Kernels& k) { k.copy_matrix = copy_matrix; }

}  // namespace
}  // namespace densor::cpu
