// Dropout in the epilogues of the products (GemmDropout): before it multiplies, a block draws what is kept of
// its tile of c, a bit an element, into shared memory, with every word of noise that the tile has a use for
// drawn once; the lanes that have the results look their bits up, and put together which of them pass.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/dropout.cuh"
#include "cuda/gemm/finish.cuh"

namespace densor::cuda {

// A tile's dropout. kCols: a multiple of 16, and no tile begins in the middle of such a group of columns.
template <int kRows, int kCols>
class TileDropout {
 public:
  static constexpr int kWords = kCols / kNoiseLanes;  // of a row
  static constexpr int kSize = kRows * kWords;

  // words: shared memory, kSize of them.
  __device__ TileDropout(const GemmFinish& finish, const GemmProblem& problem, std::int64_t top,
                         std::int64_t left, std::uint16_t* words)
      : drop_(finish.dropout),
        relu_(finish.relu()),
        rows_(problem.m),
        cols_(problem.n),
        top_(top),
        left_(left),
        words_(words) {}

  // By `threads` whole warps of a block, which meet behind it.
  __device__ void draw(int thread, int threads) const {
    constexpr int kGroups = kWords < kDropoutGroups ? kWords : kDropoutGroups, kBlocks = kWords / kGroups;
    static_assert(kWords == kGroups * kBlocks);
    const math::PhiloxKey key = math::philox_key(drop_.seed);
    const auto block = static_cast<std::uint32_t>(left_ / kDropoutColumns);
    const int first = static_cast<int>(left_ % kDropoutColumns) / kNoiseLanes, lane = thread % kNoiseLanes;
    for (int item = thread / kNoiseLanes; item < kRows * kBlocks; item += threads / kNoiseLanes) {
      const int row = item / kBlocks, part = item % kBlocks;
      const NoisePlace at{top_ + row, block + static_cast<std::uint32_t>(part),
                          static_cast<std::uint32_t>(lane)};
      const NoiseWords bits = at.words({key, drop_.stream}, drop_.batch->step);
      std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        const std::int64_t column = left_ + part * kDropoutColumns + g * kNoiseLanes + lane;
        const std::uint32_t word = mask_word(column < cols_ && half_word(bits, first + g) >= drop_.threshold);
        if (lane == g) own = word;
      }
      if (lane < kGroups) words_[row * kWords + part * kGroups + lane] = static_cast<std::uint16_t>(own);
    }
  }

  // Element (i, j) of c, as it is stored before dropout.
  __device__ float operator()(std::int64_t i, std::int64_t j, float x) const {
    return keeps(i, j) ? math::fma(x, drop_.scale, 0.0f) : 0.0f;
  }
  // The bit of an element that has become `x`.
  __device__ bool passes(std::int64_t i, std::int64_t j, float x) const {
    return relu_ ? x > 0.0f : keeps(i, j);
  }

  // The bits of kEach neighbours from column j on, which is a multiple of kEach. Lanes side by side have the
  // eight columns of a byte; all of a warp take part.
  template <int kEach>
  __device__ void put_neighbours(std::int64_t i, std::int64_t j, unsigned bits) const {
    bits <<= j % 8;
#pragma unroll
    for (int distance = 1; distance < 8 / kEach; distance *= 2)
      bits |= __shfl_xor_sync(kAllLanes, bits, distance);
    if (i < rows_ && j % 8 == 0) put_mask_byte(drop_.mask, i, j, cols_, bits);
  }
  // Those of rows i and i + 8 and of 32 columns from j on, as four instructions of matrix units side by side
  // leave them, where i is the lane's first row: x(instruction, element).
  template <class X>
  __device__ void put_instructions(std::int64_t i, std::int64_t j, X x) const {
    const int own = lane_index() % 4 * 2;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      std::uint32_t bits = 0;
#pragma unroll
      for (int at = 0; at < 4; ++at)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int column = at * 8 + own + e;
          if (passes(i + half * 8, j + column, x(at, half * 2 + e))) bits |= 1u << column;
        }
      put_quad(i + half * 8, j, bits);
    }
  }

 private:
  __device__ bool keeps(std::int64_t i, std::int64_t j) const {
    const auto row = static_cast<int>(i - top_), col = static_cast<int>(j - left_);
    return (words_[row * kWords + col / kNoiseLanes] >> (col % kNoiseLanes) & 1) != 0;
  }
  // 32 bits of a row, of which each of four lanes has some.
  __device__ void put_quad(std::int64_t i, std::int64_t j, std::uint32_t bits) const {
    bits |= __shfl_xor_sync(kAllLanes, bits, 1);
    bits |= __shfl_xor_sync(kAllLanes, bits, 2);
    const int word = lane_index() % 4;
    const std::int64_t words = math::mask_words(cols_), at = j / kNoiseLanes + word;
    if (word < 2 && i < rows_ && at < words)
      drop_.mask[i * words + at] = static_cast<std::uint16_t>(bits >> (kNoiseLanes * word));
  }

  const GemmDropout& drop_;
  bool relu_;
  std::int64_t rows_, cols_, top_, left_;
  std::uint16_t* words_;
};

}  // namespace densor::cuda
