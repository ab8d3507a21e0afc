// Counts NaN and infinity: values whose exponent bits are all ones. Reads 4 (8) bytes an element.
#pragma once

#include <cstring>

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

template <class T, class Bits>
std::int64_t count_nonfinite(const void* data, std::int64_t n, Bits exponent) {
  const T* x = static_cast<const T*>(data);
  Bits count = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, x + i, sizeof bits);
    count += (bits & exponent) == exponent ? 1 : 0;
  }
  return static_cast<std::int64_t>(count);
}

std::uint32_t largest_magnitude(const float* x, std::int64_t n) {
  std::uint32_t largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

void fill_count_nonfinite(Kernels& k) {
  k.count_nonfinite_f32 = [](const void* x, std::int64_t n) {
    return count_nonfinite<float, std::uint32_t>(x, n, 0x7f800000u);
  };
  k.count_nonfinite_f64 = [](const void* x, std::int64_t n) {
    return count_nonfinite<double, std::uint64_t>(x, n, 0x7ff0000000000000u);
  };
  k.largest_magnitude = largest_magnitude;
}

}  // namespace
}  // namespace densor::cpu
