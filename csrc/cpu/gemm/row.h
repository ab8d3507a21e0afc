// One row of a times b, where b lies: every element of b is used once, so that the time is that of reading
// it. Rows of b that do not begin with a cache line are read line by line all the same, and shifted in
// registers, since a vector across two lines costs two reads. They begin at multiples of kAlignUnit floats,
// and follow one another without a gap, so that nothing has to be asked for ahead.
#pragma once

#include <cstdint>

#include "cpu/gemm/kernel.h"

namespace densor::cpu {
namespace {

inline constexpr int kAlignUnit = 4;

// Whether rows of b begin everywhere in a line, but at multiples of the unit.
inline bool is_shifted(const float* b, std::int64_t ldb) {
  const auto floats = reinterpret_cast<std::uintptr_t>(b) / sizeof(float);
  return ldb % kAlignUnit == 0 && floats % kAlignUnit == 0 &&
         (ldb % kRegLanes != 0 || floats % kRegLanes != 0);
}

// The first n lanes, for any n.
inline RegMask first_lanes(std::int64_t n) { return reg_mask(n < 0 ? 0 : n > kRegLanes ? kRegLanes : n); }

// acc += a b(p, :) for a row of C vectors, the last one of `last` columns, that begins S floats behind
// `line`.
template <int S, int C>
inline void add_shifted(Reg (&acc)[C], Reg a, const float* line, std::int64_t last) {
  const RegMask end = first_lanes(S + last);
  Reg low = C == 1 ? reg_load(line, end) : reg_load(line);
#pragma GCC unroll 24
  for (int j = 0; j < C; ++j) {
    line += kRegLanes;
    Reg high = low;
    if (j + 2 < C) high = reg_load(line);
    if (j + 2 == C) high = reg_load(line, end);
    if (S > 0 && j + 1 == C) high = reg_load(line, first_lanes(S + last - kRegLanes));
    reg_hide(high);  // it is used twice, and read once
    acc[j] = reg_fma(a, S == 0 ? low : reg_shift<S>(low, high), acc[j]);
    low = high;
  }
}

// acc += a b over k terms, in ascending order.
template <int C>
inline void add_shifted_rows(Reg (&acc)[C], const float* a, const float* b, std::int64_t ldb, std::int64_t k,
                             std::int64_t last) {
  for (std::int64_t p = 0; p < k; ++p, b += ldb) {
    const auto floats = reinterpret_cast<std::uintptr_t>(b) / sizeof(float);
    const auto shift = static_cast<std::int64_t>(floats % kRegLanes);
    const float* line = b - shift;
    const Reg ap = reg_broadcast(a + p);
    if (shift == 0) add_shifted<0>(acc, ap, line, last);
    if (shift == 4) add_shifted<4>(acc, ap, line, last);
    if (shift == 8) add_shifted<8>(acc, ap, line, last);
    if (shift == 12) add_shifted<12>(acc, ap, line, last);
  }
}

}  // namespace
}  // namespace densor::cpu
