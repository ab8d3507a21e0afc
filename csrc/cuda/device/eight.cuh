// Eight neighbours of a row of bfloat16 numbers: sixteen bytes, the most that a thread reads or writes at
// once.
#pragma once

#include "cuda/device/half.cuh"

namespace densor::cuda {

inline constexpr int kEight = 8;

// Columns first, first + 1, ... of a matrix.
struct EightColumns {
  int count;   // that there are
  bool whole;  // in one piece, all of them or none

  // Of both arrays.
  __device__ EightColumns(std::int64_t first, std::int64_t cols, const Half* one, const Half* other)
      : count(static_cast<int>(first >= cols           ? 0
                               : cols - first < kEight ? cols - first
                                                       : kEight)),
        whole(cols % kEight == 0 && lies_so(one) && lies_so(other)) {}

  // Bit e: whether column e is there.
  __device__ unsigned bits() const { return (1u << count) - 1; }
  // From the first of them; 0 behind the last one of the row.
  __device__ void load(float (&x)[kEight], const Half* from) const {
    std::uint32_t words[kEight / 2] = {};
    if (whole) {
      if (count > 0) {
        const uint4 all = *reinterpret_cast<const uint4*>(from);
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
      }
    } else {
#pragma unroll
      for (int e = 0; e < kEight; ++e)
        if (e < count) words[e / 2] |= static_cast<std::uint32_t>(from[e]) << (e % 2 * 16);
    }
#pragma unroll
    for (int e = 0; e < kEight; ++e)
      x[e] = math::from_bits(e % 2 == 0 ? words[e / 2] << 16 : words[e / 2] & 0xffff0000u);
  }
  __device__ void store(Half* to, const float (&x)[kEight]) const {
    std::uint32_t words[kEight / 2];
#pragma unroll
    for (int e = 0; e < kEight; e += 2)
      words[e / 2] = bf16_pair(math::bf16_round(x[e]), math::bf16_round(x[e + 1]));
    if (whole) {
      if (count > 0) *reinterpret_cast<uint4*>(to) = uint4{words[0], words[1], words[2], words[3]};
    } else {
#pragma unroll
      for (int e = 0; e < kEight; ++e)
        if (e < count) to[e] = static_cast<Half>(words[e / 2] >> (e % 2 * 16));
    }
  }

 private:
  __device__ static bool lies_so(const Half* at) { return reinterpret_cast<std::uintptr_t>(at) % 16 == 0; }
};

}  // namespace densor::cuda
