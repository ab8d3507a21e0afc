// y = a + b. Reads 8 bytes an element, writes 4.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

void add(float* y, const float* a, const float* b, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) (Vec::load(a + i) + Vec::load(b + i)).store(y + i);
  if (const int rest = static_cast<int>(n - i); rest > 0)
    (Vec::load_first(a + i, rest) + Vec::load_first(b + i, rest)).store_first(y + i, rest);
}

void fill_add(Kernels& k) { k.add = add; }

}  // namespace
}  // namespace densor::cpu
