// y = a + b. Reads 8 bytes an element, writes 4; of bfloat16 arrays half as many.
#pragma once

#include "cpu/generic/rows.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

template <class T>
void add(T* y, const T* a, const T* b, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, int lanes, auto load) {
    round_lanes(y + i, lanes, load(a + i, lanes) + load(b + i, lanes));
  });
}

template <class T>
void fill_add(StoredKernels<T>& k) {
  k.add = add<T>;
}

}  // namespace
}  // namespace densor::cpu
