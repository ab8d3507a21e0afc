// The words of CUDA that kernels use, and launches. The other version is host/platform.cuh, which runs the
// same kernels on the processor; the folder in the search path decides.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/queue.h"
#include "cuda/nvidia/current_device.h"
#include "cuda/nvidia/status.h"
#include "cuda/phases.h"

// A function that keeps its registers to itself.
#define DENSOR_OUT_OF_LINE __noinline__
// A variable that the threads of a block share.
#define DENSOR_SHARED(type, name) __shared__ std::type_identity_t<type> name

namespace densor::math {

// Rounded once each: what the host version computes, bit for bit.
// fma is also called where nvcc deduces the return type of a formula for the host.
__host__ __device__ __forceinline__ float fma(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fmaf_rn(a, b, c);
#else
  return fmaf(a, b, c);
#endif
}
__device__ __forceinline__ float sqrt(float a) { return __fsqrt_rn(a); }
__device__ __forceinline__ float abs(float a) { return fabsf(a); }
__device__ __forceinline__ float round(float a) { return rintf(a); }
__device__ __forceinline__ std::uint32_t as_bits(float a) { return __float_as_uint(a); }
__device__ __forceinline__ float from_bits(std::uint32_t a) { return __uint_as_float(a); }

}  // namespace densor::math

namespace densor::cuda {

template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char densor_dynamic_shared[];
  return reinterpret_cast<T*>(densor_dynamic_shared);
}

// Puts the kernel on the stream: `grid` blocks of `block` threads with `shared_bytes` of dynamic memory.
template <class... P, class... A>
void launch(const Queue& queue, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes,
            A... args) {
  if (queue.phases != nullptr) return queue.phases->refuse();
  const OnDevice here;
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (shared_bytes > kWithoutAsking)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)),
          "launch");
  kernel<<<grid, block, shared_bytes, static_cast<cudaStream_t>(queue.stream)>>>(static_cast<P>(args)...);
  check(cudaGetLastError(), "launch");
}

// Blocks of `threads` threads that certainly run at the same time, one on each multiprocessor; 0: none fits.
template <class... P>
unsigned co_resident(void (*kernel)(P...), int threads, std::size_t shared_bytes) {
  const OnDevice here;
  int processors = 0, on_one = 0;
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, kDevice), "co_resident");
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shared_bytes)) != cudaSuccess) {
    cudaGetLastError();  // this GPU has less shared memory
    return 0;
  }
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&on_one, kernel, threads, shared_bytes), "co_resident");
  return on_one > 0 ? static_cast<unsigned>(processors) : 0;
}

// Puts a kernel on the stream whose blocks, at most `co_resident` of them, wait for one another.
template <class P>
void launch_together(const Queue& queue, void (*kernel)(P), unsigned blocks, unsigned threads,
                     std::size_t shared_bytes, P argument) {
  const OnDevice here;
  void* arguments[] = {&argument};
  check(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), dim3(blocks), dim3(threads),
                                    arguments, shared_bytes, static_cast<cudaStream_t>(queue.stream)),
        "launch");
}

// All threads of all blocks meet: what any of them wrote before, all see afterwards. `arrived` counts blocks,
// and is `goal` (modulo 2^32) when the last one is there.
__device__ __forceinline__ void meet(unsigned* arrived, unsigned goal) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(arrived, 1u);
    while (static_cast<int>(*static_cast<volatile unsigned*>(arrived) - goal) < 0) {
    }
    __threadfence();
  }
  __syncthreads();
}

}  // namespace densor::cuda
