// bfloat16 as it lies in memory: the upper half of a float32.
#pragma once

#include "cuda/device/scalar.cuh"

#include "math/bf16_split.h"
#include "platform.cuh"

namespace densor::cuda {

using Half = std::uint16_t;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(Half x) {
  return math::from_bits(static_cast<std::uint32_t>(x) << 16);
}

__device__ __forceinline__ Half to_half(float x) {
  return static_cast<Half>(math::as_bits(math::bf16_round(x)) >> 16);
}

__device__ __forceinline__ void put(float* to, float x) { *to = x; }
__device__ __forceinline__ void put(Half* to, float x) { *to = to_half(x); }

}  // namespace densor::cuda
