// Sums and the like over the lanes of a warp or the threads of a block, in an order that does not change from
// run to run. Every thread receives the result.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"

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

// Over a block of one dimension and whole warps, all of whose threads must come here.
template <class T, class Combine>
__device__ __forceinline__ T block_reduce(T value, Combine combine) {
  DENSOR_SHARED(T[kWarpSize], of_warp);
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int warps = static_cast<int>(blockDim.x) / kWarpSize;
  value = warp_reduce(value, combine);
  if (lane_index() == 0) of_warp[warp] = value;
  __syncthreads();
  T total = of_warp[0];
  for (int w = 1; w < warps; ++w) total = combine(total, of_warp[w]);
  __syncthreads();  // the next reduction writes there
  return total;
}

template <class T>
__device__ __forceinline__ T block_sum(T value) {
  return block_reduce(value, Sum{});
}

}  // namespace densor::cuda
