// Noise of the elements of a matrix, from the counters of the CPU (cpu/generic/dropout.h, gaussian_noise.h):
// sixteen threads, one for each lane, work on a block of columns of a row.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

inline constexpr int kNoiseLanes = 16;

using NoiseWords = math::PhiloxWords<std::uint32_t>;

// A lane of block `block` of a row.
struct NoisePlace {
  std::int64_t row;
  std::uint32_t block, lane;

  __device__ NoiseWords words(const Noise& noise, std::uint64_t step) const {
    return math::philox<std::uint32_t>({{block * kNoiseLanes + lane, static_cast<std::uint32_t>(row),
                                         static_cast<std::uint32_t>(step), noise.stream}},
                                       noise.key);
  }
};

// Thread `thread` of those of a matrix with `blocks` blocks a row, fewer than 2^32 in all.
__device__ __forceinline__ NoisePlace noise_place(std::int64_t thread, std::uint32_t blocks) {
  const auto item = static_cast<std::uint32_t>(thread / kNoiseLanes);
  return {static_cast<std::int64_t>(item / blocks), item % blocks,
          static_cast<std::uint32_t>(thread % kNoiseLanes)};
}

// Numbers of 32 bits: f(row, column, word) for every element, in blocks of 64 columns.
inline constexpr std::int64_t kWordColumns = 64;

template <class F>
__device__ __forceinline__ void each_noise_word(std::int64_t rows, std::int64_t cols, const Noise& noise,
                                                std::uint64_t step, F f) {
  const auto blocks = static_cast<std::uint32_t>(divide_up(cols, kWordColumns));
  const std::int64_t threads = rows * blocks * kNoiseLanes;
  for (std::int64_t thread = first_item(); thread < threads; thread += item_stride()) {
    const NoisePlace at = noise_place(thread, blocks);
    const NoiseWords words = at.words(noise, step);
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      const std::int64_t col = at.block * kWordColumns + w * kNoiseLanes + at.lane;
      if (col < cols) f(at.row, col, words.word[w]);
    }
  }
}

inline dim3 blocks_for_noise_words(std::int64_t rows, std::int64_t cols) {
  return blocks_for(rows * divide_up(cols, kWordColumns) * kNoiseLanes);
}

}  // namespace densor::cuda
