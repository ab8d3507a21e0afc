// Hopper's asynchronous units, as few words as the kernels need: barriers in shared memory that count
// arrivals and bytes, bulk copies that report to them, and products of tiles in shared memory by four warps
// (wgmma). Only sm_90a has them; the plan never sends another GPU here. The host version is host/tile.cuh.
//
// The lanes of warp w of four hold rows 16 w + g and 16 w + g + 8 of a product, g = lane / 4: with
// t = lane % 4, sum[4 j], sum[4 j + 1] are columns 8 j + 2 t and 8 j + 2 t + 1 of the first row, and
// sum[4 j + 2], sum[4 j + 3] those of the second.
#pragma once

#include <cstdint>

#include "cuda/nvidia/current_device.h"
#include "platform.cuh"

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define DENSOR_SM90A(...) __VA_ARGS__
#define DENSOR_SM90A_ONLY(...) __VA_ARGS__
#else
#define DENSOR_SM90A(...) __trap()
#define DENSOR_SM90A_ONLY(...)
#endif

namespace densor::cuda {

// Never launched: which code the device took is told by the shared memory of this kernel.
static __global__ void tile_products_kernel() {
  DENSOR_SM90A_ONLY(__shared__ int mark[32]; mark[threadIdx.x] = 1; __syncthreads();
                    if (mark[0] != 1) __trap());
}
inline bool has_tile_products() {
  static const bool has = [] {
    const OnDevice here;
    cudaFuncAttributes attributes{};
    if (cudaFuncGetAttributes(&attributes, tile_products_kernel) == cudaSuccess)
      return attributes.sharedSizeBytes > 0;
    cudaGetLastError();  // no launch is to blame for it
    return false;
  }();
  return has;
}

// Of a pointer into shared memory: its address there.
__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// The same in all lanes of a warp, which the compiler cannot see.
__device__ __forceinline__ int uniform(int value) { return __shfl_sync(0xffffffffu, value, 0); }

// By all threads of four warps: their registers from here on, fewer for those who copy, more for those who
// multiply.
template <int kCount>
__device__ __forceinline__ void give_registers() {
  DENSOR_SM90A(asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount)));
}
template <int kCount>
__device__ __forceinline__ void take_registers() {
  DENSOR_SM90A(asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount)));
}

// Completes a phase when so many have arrived and all bytes that were announced have come.
struct alignas(8) Barrier {
  std::uint64_t state;

  __device__ __forceinline__ void init(std::uint32_t arrivals) {
    DENSOR_SM90A(asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)),
                              "r"(arrivals) : "memory"));
  }
  __device__ __forceinline__ void arrive_if(bool yes) {
    [[maybe_unused]] const std::uint32_t arrives = yes ? 1 : 0;
    DENSOR_SM90A(
        asm volatile("{\n"
                     ".reg .pred arrives;\n"
                     "setp.ne.b32 arrives, %1, 0;\n"
                     "@arrives mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];\n"
                     "}" ::"r"(shared_address(this)),
                     "r"(arrives) : "memory"));
  }
  // Arrives, and announces bytes.
  __device__ __forceinline__ void arrive_expecting(std::uint32_t bytes) {
    DENSOR_SM90A(asm volatile(
        "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)),
        "r"(bytes) : "memory"));
  }
  // Until the phase of this parity is complete; of a new barrier, that of parity 1 is.
  __device__ __forceinline__ void wait(std::uint32_t parity) {
    std::uint32_t complete = 0;
    do {
      DENSOR_SM90A(
          asm volatile("{\n"
                       ".reg .pred done;\n"
                       "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 done, [%1], %2;\n"
                       "selp.b32 %0, 1, 0, done;\n"
                       "}" : "=r"(complete) : "r"(shared_address(this)),
                       "r"(parity) : "memory"));
    } while (complete == 0);
  }
};

// Behind the `init` of all barriers, before __syncthreads(): the copying units see them, too.
__device__ __forceinline__ void publish_barriers() {
  DENSOR_SM90A(
      asm volatile("fence.mbarrier_init.release.cluster;\n"
                   "fence.proxy.async.shared::cta;" :: : "memory"));
}

// `bytes`, a multiple of 16, from device to shared memory, both aligned to 16 bytes; the barrier counts them.
__device__ __forceinline__ void bulk_load(void* to, const void* from, std::uint32_t bytes, Barrier& barrier) {
  DENSOR_SM90A(asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          shared_address(to)),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&barrier)) : "memory"));
}

// Says where a tile lies: lines of kRowBytes (64 or 128) one after the other, in which the 16-byte chunks of
// eight lines are permuted: chunk c of line r lies at address x ^ (x >> 3 & mask) where x is its own, as of
// the unit's swizzling. The tile begins at a multiple of 8 kRowBytes; at + 32 bytes the next 16 terms begin.
template <int kRowBytes>
__device__ __forceinline__ std::uint64_t describe_tile(std::uint32_t at) {
  static_assert(kRowBytes == 64 || kRowBytes == 128);
  constexpr std::uint64_t kMode = kRowBytes == 128 ? 1 : 2, kGroup = 8 * kRowBytes >> 4;
  return (kMode << 62) | (kGroup << 32) | (std::uint64_t{1} << 16) | ((at & 0x3ffff) >> 4);
}

#define DENSOR_TEN(t) \
  "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define DENSOR_FIRST_TEN "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, "
#define DENSOR_FLOATS4(x, i) "+f"(x[i]), "+f"(x[(i) + 1]), "+f"(x[(i) + 2]), "+f"(x[(i) + 3])
#define DENSOR_FLOATS16(x, i) \
  DENSOR_FLOATS4(x, i), DENSOR_FLOATS4(x, (i) + 4), DENSOR_FLOATS4(x, (i) + 8), DENSOR_FLOATS4(x, (i) + 12)
#define DENSOR_FLOATS32(x, i) DENSOR_FLOATS16(x, i), DENSOR_FLOATS16(x, (i) + 16)
#define DENSOR_FLOATS64(x, i) DENSOR_FLOATS32(x, i), DENSOR_FLOATS32(x, (i) + 32)
// sum (64, cols) = a b, or sum + a b: operands behind the registers are a, b, and whether to add.
#define DENSOR_WGMMA(cols, registers, a, b, add, ...)                                                       \
  DENSOR_SM90A(                                                                                             \
      asm volatile("{\n"                                                                                    \
                   ".reg .pred adding;\n"                                                                   \
                   "setp.ne.b32 adding, " add ", 0;\n"                                                      \
                   "wgmma.mma_async.sync.aligned.m64n" #cols "k16.f32.bf16.bf16 {" registers "}, " a ", " b \
                   ", adding, 1, 1, 0, 0;\n"                                                                \
                   "}" : __VA_ARGS__ : "l"(of_a),                                                           \
                   "l"(of_b), "r"(adds)))

// Products of tiles a (64 lines) and b (kCols lines) of 16 terms, by four warps together. They run on their
// own from `multiply` on; `sum` may not be touched, nor the tiles written, until a `wait` has seen them done.
template <int kCols>
struct TileProduct {
  float sum[kCols / 2];

  // Before the first `multiply`, and wherever `sum` has been touched since.
  __device__ __forceinline__ void begin() {
    hold();
    DENSOR_SM90A(asm volatile("wgmma.fence.sync.aligned;" :: : "memory"));
  }
  __device__ __forceinline__ void multiply(std::uint64_t of_a, std::uint64_t of_b, bool add) {
    static_assert(kCols == 64 || kCols == 128 || kCols == 256);
    [[maybe_unused]] const std::uint32_t adds = add ? 1 : 0;
    if constexpr (kCols == 64)
      DENSOR_WGMMA(64, DENSOR_FIRST_TEN DENSOR_TEN(1) DENSOR_TEN(2) "%30, %31", "%32", "%33", "%34",
                   DENSOR_FLOATS32(sum, 0));
    else if constexpr (kCols == 128)
      DENSOR_WGMMA(128,
                   DENSOR_FIRST_TEN DENSOR_TEN(1) DENSOR_TEN(2) DENSOR_TEN(3) DENSOR_TEN(4)
                       DENSOR_TEN(5) "%60, %61, %62, %63",
                   "%64", "%65", "%66", DENSOR_FLOATS64(sum, 0));
    else
      DENSOR_WGMMA(256,
                   DENSOR_FIRST_TEN DENSOR_TEN(1) DENSOR_TEN(2) DENSOR_TEN(3) DENSOR_TEN(4) DENSOR_TEN(5)
                       DENSOR_TEN(6) DENSOR_TEN(7) DENSOR_TEN(8) DENSOR_TEN(9) DENSOR_TEN(10)
                           DENSOR_TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127",
                   "%128", "%129", "%130", DENSOR_FLOATS64(sum, 0), DENSOR_FLOATS64(sum, 64));
  }
  // What was begun since the last `commit` is a group.
  __device__ __forceinline__ void commit() {
    DENSOR_SM90A(asm volatile("wgmma.commit_group.sync.aligned;" :: : "memory"));
  }
  // Until all groups but the last are done: their tiles may be written.
  __device__ __forceinline__ void wait_for_others() {
    DENSOR_SM90A(asm volatile("wgmma.wait_group.sync.aligned 1;" :: : "memory"));
  }
  // Until all are done: `sum` may be read.
  __device__ __forceinline__ void wait() {
    DENSOR_SM90A(asm volatile("wgmma.wait_group.sync.aligned 0;" :: : "memory"));
    hold();
  }

 private:
  // The compiler moves no use of `sum` over this.
  __device__ __forceinline__ void hold() {
#pragma unroll
    for (int i = 0; i < kCols / 2; ++i) asm volatile("" : "+f"(sum[i])::"memory");
  }
};

#undef DENSOR_WGMMA
#undef DENSOR_FLOATS64
#undef DENSOR_FLOATS32
#undef DENSOR_FLOATS16
#undef DENSOR_FLOATS4
#undef DENSOR_FIRST_TEN
#undef DENSOR_TEN
#undef DENSOR_SM90A

}  // namespace densor::cuda
