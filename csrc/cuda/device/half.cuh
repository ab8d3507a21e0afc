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

// The upper halves of both.
__device__ __forceinline__ std::uint32_t bf16_pair(float low, float high) {
  return math::as_bits(low) >> 16 | (math::as_bits(high) & 0xffff0000u);
}

// Whether what lies there is aligned as pairs of neighbours.
template <class T>
__host__ __device__ __forceinline__ bool lies_in_pairs(const T* at) {
  return reinterpret_cast<std::uintptr_t>(at) % (2 * sizeof(T)) == 0;
}

// Two neighbours, aligned as a pair.
__device__ __forceinline__ void put_pair(float* to, float first, float second) {
  *reinterpret_cast<float2*>(to) = {first, second};
}
__device__ __forceinline__ void put_pair(Half* to, float first, float second) {
  *reinterpret_cast<std::uint32_t*>(to) = bf16_pair(math::bf16_round(first), math::bf16_round(second));
}

}  // namespace densor::cuda
