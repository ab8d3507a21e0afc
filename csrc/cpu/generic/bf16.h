// Arrays of bfloat16, the upper half of a float32, as vectors of float32: widened as they are read, rounded
// as they are written. The same words for float32 arrays.
#pragma once

#include <cstdint>
#include <type_traits>

#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

inline float number(float x) { return x; }
inline float number(std::uint16_t x) {
  const std::uint32_t bits = std::uint32_t{x} << 16U;
  float widened;
  __builtin_memcpy(&widened, &bits, sizeof bits);
  return widened;
}

// The first n of sixteen lanes, and zeros.
[[gnu::always_inline]] inline Vec load_lanes(const float* p, int n) {
  return n == kLanes ? Vec::load(p) : Vec::load_first(p, n);
}
[[gnu::always_inline]] inline Vec load_lanes(const std::uint16_t* p, int n) {
  return from_bits(shift_left<16>(n == kLanes ? UVec::load_u16(p) : UVec::load_first_u16(p, n)));
}

[[gnu::always_inline]] inline void store_lanes(float* to, int n, Vec v) {
  if (n == kLanes)
    v.store(to);
  else
    v.store_first(to, n);
}
// Of numbers that are rounded.
[[gnu::always_inline]] inline void store_lanes(std::uint16_t* to, int n, Vec v) {
  const UVec upper = shift_right<16>(as_bits(v));
  if (n == kLanes)
    upper.store_u16(to);
  else
    upper.store_first_u16(to, n);
}

// As an array of T has it.
template <class T>
[[gnu::always_inline]] inline Vec as_stored(Vec x) {
  if constexpr (std::is_same_v<T, float>)
    return x;
  else
    return math::bf16_round(x);
}

template <class T>
[[gnu::always_inline]] inline void round_lanes(T* to, int n, Vec v) {
  store_lanes(to, n, as_stored<T>(v));
}

}  // namespace
}  // namespace densor::cpu
