// The words of CUDA that kernels use, on the host. The other version is nvidia/platform.cuh; the folder in
// the search path decides.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/queue.h"
#include "cuda/host/grid.h"
#include "cuda/phases.h"

#define __global__
#define __host__
#define __device__
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline
#define DENSOR_OUT_OF_LINE
// A variable that the threads of a block share: one for each block, which starts as NaN.
#define DENSOR_SHARED(type, name)                                   \
  static char name##_declared;                                      \
  static_assert(alignof(type) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__); \
  auto& name = *static_cast<std::type_identity_t<type>*>(           \
      densor::cuda::host::shared_variable(&name##_declared, sizeof(type)))
#define threadIdx (densor::cuda::host::thread_index())
#define blockIdx (densor::cuda::host::block_index())
#define blockDim (densor::cuda::host::block_size())
#define gridDim (densor::cuda::host::grid_size())

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  std::uint32_t x, y, z, w;
};

inline void __syncthreads() { densor::cuda::host::block().barrier(); }
inline void __syncwarp(std::uint32_t mask = 0xffffffffu) { densor::cuda::host::block().exchange(mask, 0); }

namespace densor::cuda::host {

template <class T>
T shuffle(std::uint32_t mask, T value, int source) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t raw = 0;
  std::memcpy(&raw, &value, sizeof value);
  const std::uint64_t* lanes = block().exchange(mask, raw);
  std::memcpy(&value, &lanes[source % kWarp], sizeof value);
  return value;
}

inline int lane() { return block().thread() % kWarp; }

}  // namespace densor::cuda::host

template <class T>
T __shfl_sync(std::uint32_t mask, T value, int source) {
  return densor::cuda::host::shuffle(mask, value, source);
}
template <class T>
T __shfl_xor_sync(std::uint32_t mask, T value, int distance) {
  return densor::cuda::host::shuffle(mask, value, densor::cuda::host::lane() ^ distance);
}
template <class T>
T __shfl_down_sync(std::uint32_t mask, T value, int distance) {
  const int lane = densor::cuda::host::lane();
  return densor::cuda::host::shuffle(mask, value, lane + distance < 32 ? lane + distance : lane);
}
inline std::uint32_t __ballot_sync(std::uint32_t mask, bool value) {
  const std::uint64_t* lanes = densor::cuda::host::block().exchange(mask, value ? 1 : 0);
  std::uint32_t bits = 0;
  for (int i = 0; i < 32; ++i)
    if ((mask >> i & 1u) != 0 && lanes[i] != 0) bits |= 1u << i;
  return bits;
}
inline int __popc(std::uint32_t x) { return std::popcount(x); }

template <class T>
T atomicAdd(T* at, T value) {
  densor::cuda::host::watch::change_atomically(at, sizeof *at);
  const densor::cuda::host::watch::Aside here;
  const T before = *at;
  *at = before + value;
  return before;
}

template <class T>
T atomicCAS(T* at, T expected, T value) {
  densor::cuda::host::watch::change_atomically(at, sizeof *at);
  const densor::cuda::host::watch::Aside here;
  const T before = *at;
  if (before == expected) *at = value;
  return before;
}

namespace densor::math {

inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float sqrt(float a) { return __builtin_sqrtf(a); }
inline float abs(float a) { return __builtin_fabsf(a); }
inline float round(float a) { return __builtin_rintf(a); }
inline std::uint32_t as_bits(float a) { return std::bit_cast<std::uint32_t>(a); }
inline float from_bits(std::uint32_t a) { return std::bit_cast<float>(a); }

}  // namespace densor::math

namespace densor::cuda {

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(host::shared_memory());
}

// Runs the kernel on `grid` blocks of `block` threads; see nvidia/platform.cuh.
template <class... P, class... A>
void launch(const Queue& queue, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes,
            A... args) {
  if (queue.phases != nullptr) return queue.phases->refuse();
  host::launch(grid, block, shared_bytes, [=] { kernel(static_cast<P>(args)...); });
}

template <class... P>
unsigned co_resident(void (*)(P...), int, std::size_t) {
  return host::kTogether;
}

template <class P>
void launch_together(const Queue&, void (*kernel)(P), unsigned blocks, unsigned threads,
                     std::size_t shared_bytes, P argument) {
  host::launch_together(dim3(blocks), dim3(threads), shared_bytes, [=] { kernel(argument); });
}

inline void meet(unsigned*, unsigned) { host::block().meet(); }

}  // namespace densor::cuda
