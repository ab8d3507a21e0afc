// One instruction of the matrix units on the host; which lane holds what is said in nvidia/mma.cuh. The sum
// of an element's sixteen exact products is rounded once.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

// Two words of every lane, the first one below.
using LanePairs = std::uint64_t[host::kWarp];
inline void gather(LanePairs& to, std::uint32_t first, std::uint32_t second) {
  std::memcpy(to, host::block().exchange(0xffffffffu, first | std::uint64_t{second} << 32), sizeof to);
}

inline double bf16_half(std::uint64_t pair, int half) {
  const auto bits = static_cast<std::uint32_t>(pair >> (16 * half) & 0xffffu) << 16;
  return static_cast<double>(std::bit_cast<float>(bits));
}

inline void multiply_accumulate(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  LanePairs low, high, column;  // a[0] and a[1], a[2] and a[3], b of every lane
  gather(low, a[0], a[1]);
  gather(high, a[2], a[3]);
  gather(column, b[0], b[1]);
  const int g = host::lane() / 4, t = host::lane() % 4;
  for (int element = 0; element < 4; ++element) {
    const int lower_row = element / 2, col = 2 * t + element % 2;
    double sum = static_cast<double>(d[element]);
    for (int pair = 0; pair < 4; ++pair)
      for (int half = 0; half < 2; ++half) {
        const int row = 4 * g + pair, of_b = 4 * col + pair;
        const int at = 2 * lower_row + half;  // halves of the two registers in a word
        sum += bf16_half(low[row], at) * bf16_half(column[of_b], half);
        sum += bf16_half(high[row], at) * bf16_half(column[of_b], 2 + half);
      }
    d[element] = static_cast<float>(sum);
  }
}

inline void multiply_accumulate_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
  LanePairs low, high, column;  // a[0] and a[1], a[2] and a[3], b of every lane
  const auto bits_of = [](float x) { return std::bit_cast<std::uint32_t>(x); };
  const auto number = [](std::uint64_t word, int which) {
    const auto bits = static_cast<std::uint32_t>(word >> (32 * which)) & 0xffffe000u;
    return static_cast<double>(std::bit_cast<float>(bits));
  };
  gather(low, bits_of(a[0]), bits_of(a[1]));
  gather(high, bits_of(a[2]), bits_of(a[3]));
  gather(column, bits_of(b[0]), bits_of(b[1]));
  const int g = host::lane() / 4, t = host::lane() % 4;
  for (int element = 0; element < 4; ++element) {
    const int lower_row = element / 2, col = 2 * t + element % 2;
    double sum = static_cast<double>(d[element]);
    for (int term = 0; term < 4; ++term)
      sum += number(low[4 * g + term], lower_row) * number(column[4 * col + term], 0) +
             number(high[4 * g + term], lower_row) * number(column[4 * col + term], 1);
    d[element] = static_cast<float>(sum);
  }
}

}  // namespace densor::cuda
