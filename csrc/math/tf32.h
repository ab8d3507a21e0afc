// float32 rounded to TF32: ten bits behind the first, the exponent of a float32. To nearest, ties away from
// zero, as cvt.rna.tf32.f32 does; what rounds to more than the largest float32 becomes infinity, NaN stays
// NaN.
#pragma once

#include "math/fn.h"

namespace densor::math {

template <class T>
DENSOR_FN T tf32_round(T x) {
  using Bits = decltype(as_bits(x));
  return select(x == x, from_bits((as_bits(x) + Bits(0x1000u)) & Bits(0xffffe000u)), x);
}

}  // namespace densor::math
