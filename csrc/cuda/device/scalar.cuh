// What the formulas of math/ ask of a number, for one float: include it before them.
#pragma once

#include "platform.cuh"

#include "math/fn.h"

namespace densor::math {

// As the vectors of the CPU: the second operand where either is NaN.
DENSOR_FN float min(float a, float b) { return a < b ? a : b; }
DENSOR_FN float max(float a, float b) { return a > b ? a : b; }
DENSOR_FN float select(bool condition, float a, float b) { return condition ? a : b; }
template <int N>
DENSOR_FN std::uint32_t shift_left(std::uint32_t a) {
  return a << N;
}
template <int N>
DENSOR_FN std::uint32_t shift_right(std::uint32_t a) {
  return a >> N;
}
DENSOR_FN float to_float(std::uint32_t a) { return static_cast<float>(static_cast<std::int32_t>(a)); }
DENSOR_FN std::uint32_t to_int(float a) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(a)); }
DENSOR_FN bool any(bool condition) { return condition; }

}  // namespace densor::math
