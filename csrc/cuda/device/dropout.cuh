// Dropout's masks bit for bit as on the CPU: what a block of noise keeps of a row, and words and bytes of
// masks.
#pragma once

#include "cuda/device/noise.cuh"
#include "cuda/device/reduce.cuh"
#include "math/operands.h"

namespace densor::cuda {

inline constexpr std::int64_t kDropoutColumns =
    128;  // of a block of noise: eight 16-bit halves for each of sixteen lanes
inline constexpr int kDropoutGroups = 8;  // of sixteen columns, a word of the mask each

__device__ __forceinline__ std::uint32_t half_word(const NoiseWords& words, int group) {
  const std::uint32_t low = group < 2 ? words.word[0] : words.word[1];
  const std::uint32_t high = group < 6 ? words.word[2] : words.word[3];
  const std::uint32_t word = group < 4 ? low : high;  // no index: words stay in registers
  return group % 2 == 0 ? word & 0xffffu : word >> 16;
}

// Of each sixteen lanes of the warp, the bits of those that keep.
__device__ __forceinline__ std::uint32_t mask_word(bool keep) {
  return __ballot_sync(kAllLanes, keep) >> (lane_index() / kNoiseLanes * kNoiseLanes) & 0xffffu;
}

// Of the eight columns from 8 lane on, a bit for each that is kept. What a lane draws is for columns sixteen
// apart: it hears of its neighbours by ballots.
__device__ __forceinline__ unsigned kept_neighbours(const NoiseWords& words, std::uint32_t threshold) {
  const int lane = lane_index();
  std::uint32_t kept = 0;
#pragma unroll
  for (int g = 0; g < kDropoutGroups; ++g) {
    const std::uint32_t group = __ballot_sync(kAllLanes, half_word(words, g) >= threshold);
    if (lane % kNoiseLanes / 2 == g) kept = group;
  }
  return kept >> (lane / kNoiseLanes * kNoiseLanes + lane % 2 * 8) & 0xffu;
}

// Bits of eight columns from `column` on, a multiple of eight.
__device__ __forceinline__ void put_mask_byte(std::uint16_t* mask, std::int64_t row, std::int64_t column,
                                              std::int64_t cols, unsigned bits) {
  const std::int64_t bytes = 2 * math::mask_words(cols), byte = column / 8;
  if (byte < bytes)
    reinterpret_cast<std::uint8_t*>(mask)[row * bytes + byte] = static_cast<std::uint8_t>(bits);
}

__device__ __forceinline__ unsigned mask_byte(const std::uint16_t* mask, std::int64_t row,
                                              std::int64_t column, std::int64_t cols) {
  return reinterpret_cast<const std::uint8_t*>(mask)[2 * row * math::mask_words(cols) + column / 8];
}

}  // namespace densor::cuda
