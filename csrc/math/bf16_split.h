// float32 as a sum of bfloat16 terms: x = t0 + t1 + t2.
//
// A term is what is left of x, rounded to the eight significant bits of a bfloat16, and kept as a float32
// whose low half is zero. One term is within 2^-9 of |x|, two within 2^-18; three are x itself, as long as
// |x| >= 2^-102: below that the last of them is denormal, which matrix units read as 0. Rounding, not cutting
// off: the terms left out of a product of sums are the smaller for it. The first term, which alone is x as a
// bfloat16, is rounded with ties to even, the second with ties away from zero, which is cheaper.
//
// What has no such sum gives terms that are not finite, so that every product with them shows it: infinity
// and NaN, and from 0x1.ffp127 on what rounds to infinity.
#pragma once

#include <limits>

#include "math/fn.h"

namespace densor::math {

// To nearest, ties to even. A carry out of the mantissa of a NaN could make it 0.
template <class T>
DENSOR_FN T bf16_round(T x) {
  using Bits = decltype(as_bits(x));
  const Bits bits = as_bits(x), odd = shift_right<16>(bits) & Bits(1u);
  const T rounded = from_bits((bits + (odd + Bits(0x7fffu))) & Bits(0xffff0000u));
  return select(x == x, rounded, T(std::numeric_limits<float>::quiet_NaN()));
}

template <int N, class T>
DENSOR_FN void bf16_split(T (&terms)[N], T x) {
  static_assert(N >= 1 && N <= 3);
  using Bits = decltype(as_bits(x));
  terms[0] = bf16_round(x);
  if constexpr (N > 1) {
    x = x - terms[0];
    terms[1] = from_bits((as_bits(x) + Bits(0x8000u)) & Bits(0xffff0000u));
  }
  if constexpr (N > 2) terms[2] = x - terms[1];  // at most seven bits are left
}

}  // namespace densor::math
