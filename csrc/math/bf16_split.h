// float32 as a sum of bfloat16 terms: x = t0 + t1 + t2.
//
// A term is what is left of x, rounded to the eight significant bits of a bfloat16 (nearest, ties to even),
// and kept as a float32 whose low half is zero. One term is within 2^-9 of |x|, two within 2^-18; three are
// x itself, as long as |x| >= 2^-102: below that the last of them is denormal, which matrix units read as 0.
// Rounding, not cutting off: the terms left out of a product of sums are the smaller for it.
//
// What has no such sum gives terms that are not finite, so that every product with them shows it: infinity
// and NaN, and from 0x1.ffp127 on what rounds to infinity.
#pragma once

#include "math/fn.h"

namespace densor::math {

// NaN stays NaN: a carry out of its mantissa could make it 0.
template <class T>
DENSOR_FN T bf16_round(T x) {
  using Bits = decltype(as_bits(x));
  const Bits bits = as_bits(x), odd = shift_right<16>(bits) & Bits(1u);
  return select(x == x, from_bits((bits + (odd + Bits(0x7fffu))) & Bits(0xffff0000u)), x);
}

template <int N, class T>
DENSOR_FN void bf16_split(T (&terms)[N], T x) {
  static_assert(N >= 1 && N <= 3);
  for (int i = 0; i < N; ++i) {
    terms[i] = i < 2 ? bf16_round(x) : x;  // at most six bits are left for the third
    x = x - terms[i];
  }
}

}  // namespace densor::math
