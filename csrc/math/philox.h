// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): four words
// of noise from a counter of four words and a key of two. U is std::uint32_t or a vector of them.
//
// Counters here are (element, row, what, stream): `what` is the training step for dropout noise and one of
// the values below for the rest, so that one seed gives independent numbers to all.
#pragma once

#include <cstdint>

#include "math/fn.h"

namespace densor::math {

inline constexpr std::uint32_t kFillNoise = 0xffffffffu;
inline constexpr std::uint32_t kPermutationNoise = 0xfffffffeu;

template <class U>
struct PhiloxWords {
  U word[4];
};

inline constexpr int kPhiloxRounds = 10;

// The key of each round.
struct PhiloxKey {
  std::uint32_t round[kPhiloxRounds][2];
};

DENSOR_FN PhiloxKey philox_key(std::uint32_t low, std::uint32_t high) {
  PhiloxKey key;
  for (auto& words : key.round) {
    words[0] = low;
    words[1] = high;
    low += 0x9e3779b9u;   // the golden ratio
    high += 0xbb67ae85u;  // sqrt(3) - 1
  }
  return key;
}

DENSOR_FN PhiloxKey philox_key(std::uint64_t seed) {
  return philox_key(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

DENSOR_FN void multiply_wide(std::uint32_t a, std::uint32_t b, std::uint32_t& high, std::uint32_t& low) {
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  high = static_cast<std::uint32_t>(product >> 32);
  low = static_cast<std::uint32_t>(product);
}

template <class U>
DENSOR_FN PhiloxWords<U> philox(PhiloxWords<U> counter, const PhiloxKey& key) {
  for (const auto& words : key.round) {
    U high0, low0, high2, low2;
    multiply_wide(U(0xd2511f53u), counter.word[0], high0, low0);
    multiply_wide(U(0xcd9e8d57u), counter.word[2], high2, low2);
    counter = {{high2 ^ counter.word[1] ^ U(words[0]), low2, high0 ^ counter.word[3] ^ U(words[1]), low0}};
  }
  return counter;
}

}  // namespace densor::math
