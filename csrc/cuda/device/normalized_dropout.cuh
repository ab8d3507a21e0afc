// Normalization of columns, activation and dropout of the rows of a block, in one pass: a block has 128
// columns, those of a block of noise, and sixteen lanes have a row. The mask tells what dropout and
// activation let pass.
#pragma once

#include "cuda/device/eight.cuh"
#include "cuda/device/normalization.cuh"
#include "cuda/phases/dropout.cuh"

namespace densor::cuda {

template <class T>
struct DropTile {
  T* y;
  const T* x;
  const ColumnNorm* columns;  // of the block, in shared memory
  std::int64_t left, begin, end;

  __device__ static int lane() { return lane_index() % kNoiseLanes; }
  // f(place) for the rows of a lane, and for as many behind the last one as other lanes of the warp have.
  template <class F>
  __device__ void each_row(F f) const {
    const int warp = static_cast<int>(threadIdx.x) / kWarpSize, other = lane_index() / kNoiseLanes;
    for (std::int64_t two = begin + 2 * warp; two < end; two += 2 * (kThreads / kWarpSize))
      f(NoisePlace{two + other, static_cast<std::uint32_t>(left / kDropoutColumns),
                   static_cast<std::uint32_t>(lane())});
  }
};

__device__ __forceinline__ float rounded_if(bool rounded, float x) {
  return rounded ? math::bf16_round(x) : x;
}

// A lane has eight columns, sixteen apart.
template <class A>
__device__ __forceinline__ void drop_rows(const A& activation, const DropTile<float>& tile,
                                          const FusedDropout& drop, const math::BatchNorm& p,
                                          std::uint64_t step) {
  const int lane = DropTile<float>::lane();
  const std::int64_t words = math::mask_words(p.cols);
  tile.each_row([&](const NoisePlace& at) {
    const NoiseWords bits = at.words(drop.noise, step);
    float u[kDropoutGroups];
    std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
    for (int g = 0; g < kDropoutGroups; ++g) {
      const int j = g * kNoiseLanes + lane;
      const bool inside = at.row < tile.end && tile.left + j < p.cols;
      u[g] = inside ? tile.x[at.row * p.ld + tile.left + j] - tile.columns[j].mean : 0.0f;
    }
#pragma unroll
    for (int g = 0; g < kDropoutGroups; ++g) {
      const int j = g * kNoiseLanes + lane;
      const bool inside = at.row < tile.end && tile.left + j < p.cols;
      const bool keep = half_word(bits, g) >= drop.threshold;
      const ColumnNorm& c = tile.columns[j];
      const float value =
          rounded_if(drop.rounded, activation.value(math::fma(u[g], c.scale, c.shift), p.alpha));
      if (inside)
        tile.y[at.row * p.ld + tile.left + j] =
            keep ? math::fma(value, drop.map.scale, drop.map.shift) : drop.map.dropped;
      const std::uint32_t word = mask_word(inside && keep && activation.derivative(value, p.alpha) != 0.0f);
      if (lane == g) own = word;
    }
    const std::int64_t word = tile.left / kNoiseLanes + lane;
    if (at.row < tile.end && lane < kDropoutGroups && word < words)
      drop.mask[at.row * words + word] = static_cast<std::uint16_t>(own);
  });
}

// A lane has eight columns side by side, whose factors stay in registers, and a byte of the mask.
template <class A>
__device__ __forceinline__ void drop_rows(const A& activation, const DropTile<Half>& tile,
                                          const FusedDropout& drop, const math::BatchNorm& p,
                                          std::uint64_t step) {
  const int first = DropTile<Half>::lane() * kEight;
  const std::int64_t column = tile.left + first;
  const EightColumns here(column, p.cols, tile.x, tile.y);
  ColumnNorm columns[kEight];
#pragma unroll
  for (int e = 0; e < kEight; ++e) columns[e] = tile.columns[first + e];
  tile.each_row([&](const NoisePlace& at) {
    float x[kEight] = {};
    if (at.row < tile.end) here.load(x, tile.x + at.row * p.ld + column);
    const unsigned kept = kept_neighbours(at.words(drop.noise, step), drop.threshold) & here.bits();
    if (at.row >= tile.end) return;
    unsigned passed = 0;
#pragma unroll
    for (int e = 0; e < kEight; ++e) {
      const bool keep = (kept >> e & 1) != 0;
      const ColumnNorm& c = columns[e];
      const float value =
          rounded_if(drop.rounded, activation.value(math::fma(x[e] - c.mean, c.scale, c.shift), p.alpha));
      x[e] = keep ? math::fma(value, drop.map.scale, drop.map.shift) : drop.map.dropped;
      if (keep && activation.derivative(value, p.alpha) != 0.0f) passed |= 1u << e;
    }
    here.store(tile.y + at.row * p.ld + column, x);
    put_mask_byte(drop.mask, at.row, column, p.cols, passed);
  });
}

}  // namespace densor::cuda
