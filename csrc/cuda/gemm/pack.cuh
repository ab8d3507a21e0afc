// The operands of the wgmma kernel: float32 read once, split into planes of bfloat16 terms, and laid out as
// terms.h says, so that a tile of an operand is one run of memory. That run is the image which the matrix
// units read: one bulk copy brings it, with no strides that a copy could not take, no edges and no
// transposition.
#pragma once

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/device/scalar.cuh"
#include "cuda/gemm/terms.h"

namespace densor::cuda {

// One operand, of elements T: `lines` of `terms`, side by side where `along`, else the lines are.
template <class T>
struct Packing {
  std::uint32_t* to;  // pairs of terms
  const T* from;
  std::int64_t lines, terms;
  bool along;
  int tile;                      // lines of a unit
  const Batch* batch = nullptr;  // whose rows the terms are, or null

  bool aligned() const {
    return (along ? terms : lines) % static_cast<std::int64_t>(16 / sizeof(T)) == 0 &&
           reinterpret_cast<std::uintptr_t>(from) % 16 == 0;
  }
};

inline constexpr int kChunk = 8;  // terms that stay together: 16 bytes
struct alignas(16) Chunk {
  std::uint32_t pairs[kChunk / 2];
};

__device__ __forceinline__ void load_aligned(float (&x)[kChunk], const float* from) {
  const float4* at = reinterpret_cast<const float4*>(from);
  const float4 low = at[0], high = at[1];
  x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
  x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
}

__device__ __forceinline__ void load_aligned(float (&x)[kChunk], const Half* from) {
  const Chunk of = *reinterpret_cast<const Chunk*>(from);
#pragma unroll
  for (int i = 0; i < kChunk; i += 2) {
    x[i] = math::from_bits(of.pairs[i / 2] << 16);
    x[i + 1] = math::from_bits(of.pairs[i / 2] & 0xffff0000u);
  }
}

// kChunk terms of a line, zeros outside; there are so many of them.
template <class T>
__device__ __forceinline__ void load_chunk(float (&x)[kChunk], const Packing<T>& p, std::int64_t line,
                                           std::int64_t term, std::int64_t terms, bool aligned) {
  const bool inside = line < p.lines;
  if (aligned && p.along && inside && term + kChunk <= terms) {
    load_aligned(x, p.from + line * p.terms + term);
    return;
  }
  const std::int64_t step = p.along ? 1 : p.lines,
                     first = p.along ? line * p.terms + term : term * step + line;
#pragma unroll
  for (int i = 0; i < kChunk; ++i)
    x[i] = inside && term + i < terms ? to_float(p.from[first + i * step]) : 0.0f;
}

// Unit `index` of an operand, through shared memory: both sides are read and written side by side.
template <int kPlanes, int kTerms, class T>
__device__ __forceinline__ void pack_unit(const Packing<T>& p, std::int64_t index, bool aligned,
                                          Chunk* image) {
  constexpr int kAcross = kTerms / kChunk;  // chunks of a line
  const std::int64_t blocks = divide_up(p.terms, kTerms);
  const std::int64_t top = index / blocks * p.tile, left = index % blocks * kTerms;
  const int chunks = p.tile * kAcross;
  const std::int64_t terms = rows_of(p.batch, p.terms);
  __syncthreads();  // the last unit has left
  for (int n = static_cast<int>(threadIdx.x); n < chunks; n += kThreads) {
    const int line = p.along ? n / kAcross : n % p.tile, across = p.along ? n % kAcross : n / p.tile;
    float x[kChunk];
    load_chunk(x, p, top + line, left + across * kChunk, terms, aligned);
    Chunk of[kPlanes];
#pragma unroll
    for (int i = 0; i < kChunk; i += 2) {
      float low[kPlanes], high[kPlanes];
      math::bf16_split(low, x[i]);
      math::bf16_split(high, x[i + 1]);
#pragma unroll
      for (int plane = 0; plane < kPlanes; ++plane)
        of[plane].pairs[i / 2] = bf16_pair(low[plane], high[plane]);
    }
    const int at = line * kAcross + (across ^ (line * kAcross / 8 & (kAcross - 1)));  // see describe_tile
#pragma unroll
    for (int plane = 0; plane < kPlanes; ++plane) image[plane * chunks + at] = of[plane];
  }
  __syncthreads();
  Chunk* to = reinterpret_cast<Chunk*>(p.to) + index * kPlanes * chunks;
  for (int n = static_cast<int>(threadIdx.x); n < kPlanes * chunks; n += kThreads) to[n] = image[n];
}

// Units of a, then of b.
template <int kPlanes, int kTerms, class T>
__global__ void __launch_bounds__(kThreads) pack_kernel(Packing<T> a, Packing<T> b, std::int64_t units_a,
                                                        std::int64_t units, bool aligned_a, bool aligned_b) {
  Chunk* image = dynamic_shared<Chunk>();
  for (std::int64_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
    if (unit < units_a)
      pack_unit<kPlanes, kTerms>(a, unit, aligned_a, image);
    else
      pack_unit<kPlanes, kTerms>(b, unit - units_a, aligned_b, image);
  }
}

template <int kProducts, class T>
void pack(const Queue& queue, const Packing<T>& a, const Packing<T>& b) {
  constexpr int kPlanes = planes_of(kProducts), kTerms = wgmma_terms(kProducts);
  const auto units = [](const Packing<T>& p) {
    return divide_up(p.lines, p.tile) * divide_up(p.terms, kTerms);
  };
  const std::int64_t all = units(a) + units(b);
  const int lines = a.tile > b.tile ? a.tile : b.tile;
  launch(queue, pack_kernel<kPlanes, kTerms, T>, blocks_for(all, 1), kThreads,
         sizeof(std::uint16_t) * static_cast<std::size_t>(kPlanes * lines * kTerms), a, b, units(a), all,
         a.aligned(), b.aligned());
}

}  // namespace densor::cuda
