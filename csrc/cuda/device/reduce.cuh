// Sums and the like over the lanes of a warp, in an order that does not change from run to run. Every lane
// receives the result.
#pragma once

#include "cuda/device/scalar.cuh"

namespace densor::cuda {

inline constexpr std::uint32_t kAllLanes = 0xffffffffu;

template <class T, class Combine>
__device__ __forceinline__ T warp_reduce(T value, Combine combine) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  return value;
}

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// NaN where either is.
struct Largest {
  __device__ float operator()(float a, float b) const { return a != a || a > b ? a : b; }
};

template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  return warp_reduce(value, Sum{});
}
__device__ __forceinline__ float warp_max(float value) { return warp_reduce(value, Largest{}); }

}  // namespace densor::cuda
