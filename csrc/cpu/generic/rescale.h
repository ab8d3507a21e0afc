// y = x * scale + offset. Reads 4 bytes an element, writes 4. Product and sum are rounded apart, as NumPy
// does.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void rescale(float* y, const float* x, std::int64_t n, float scale, float offset) {
  const Vec s(scale), o(offset);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) (Vec::load(x + i) * s + o).store(y + i);
  if (const int rest = static_cast<int>(n - i); rest > 0)
    (Vec::load_first(x + i, rest) * s + o).store_first(y + i, rest);
}

void fill_rescale(Kernels& k) { k.rescale = rescale; }

}  // namespace
}  // namespace densor::cpu
