// total + sum of values * weight in double, one addition after the other. Reads 4 (8) bytes a value.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

double accumulate(double total, const float* values, const float* weight, std::int64_t n) {
  if (weight == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) total += static_cast<double>(values[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      total += static_cast<double>(values[i]) * static_cast<double>(weight[i]);
  }
  return total;
}

void fill_accumulate(Kernels& k) { k.accumulate = accumulate; }

}  // namespace
}  // namespace densor::cpu
