// What the cases of kernel_hashes share: seeded inputs, and hashes of what the kernels leave behind.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cpu/kernels.h"

namespace densor::native {

using Floats = std::vector<float>;
using Halves = std::vector<std::uint16_t>;  // bfloat16

inline Halves upper_halves(const Floats& x) {
  Halves halves;
  for (const float value : x)
    halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U));
  return halves;
}

// As an array of T has them.
template <class T>
std::vector<T> stored(const Floats& x) {
  if constexpr (std::is_same_v<T, float>)
    return x;
  else
    return upper_halves(x);
}

template <class T>
std::string named(std::string name) {
  return std::is_same_v<T, float> ? name : name + " of halves";
}

// The same numbers on every machine: no library function is asked.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  float between(float low, float high) {
    return low + static_cast<float>(bits() >> 40) * 0x1p-24f * (high - low);
  }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(n));
  }
  Floats floats(std::int64_t n, float low = -4.0f, float high = 4.0f) {
    Floats x(static_cast<std::size_t>(n));
    for (float& value : x) value = between(low, high);
    return x;
  }
  // Numbers of all magnitudes, and what is no ordinary number.
  Floats odd(std::int64_t n) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kSpecial[] = {
        0.0f,   -0.0f,   kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(),
        1.0f,   -1.0f,   0.5f,      3.4e38f,    -3.4e38f,
        1e-30f, -1e-30f, 88.0f,     -88.0f,     1e-38f};
    Floats x = floats(n);
    for (float& value : x) {
      const std::int64_t kind = below(4);
      if (kind == 0) value = kSpecial[below(std::size(kSpecial))];
      if (kind == 1) value = std::ldexp(value, static_cast<int>(below(200)) - 100);
    }
    return x;
  }

 private:
  std::uint64_t state_;
};

// FNV-1a over the bits of everything added. A NaN is a NaN: its sign and payload differ between machines.
class Hash {
 public:
  Hash& add(std::uint64_t bits) {
    for (int i = 0; i < 8; ++i) value_ = (value_ ^ (bits >> (8 * i) & 0xff)) * 0x100000001b3u;
    return *this;
  }
  Hash& add(float x) { return add(std::uint64_t{x == x ? std::bit_cast<std::uint32_t>(x) : 0x7fc00000u}); }
  Hash& add(double x) { return add(x == x ? std::bit_cast<std::uint64_t>(x) : 0x7ff8000000000000u); }
  Hash& add(std::int64_t x) { return add(static_cast<std::uint64_t>(x)); }
  Hash& add(std::int32_t x) { return add(static_cast<std::int64_t>(x)); }
  Hash& add(std::uint32_t x) { return add(std::uint64_t{x}); }
  Hash& add(std::uint16_t x) { return add(std::uint64_t{x}); }
  template <class T>
  Hash& add(const std::vector<T>& values) {
    for (const T& value : values) add(value);
    return *this;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

// One line of the result.
inline void report(const std::string& name, const Hash& hash) {
  std::printf("%-32s %016llx\n", name.c_str(), static_cast<unsigned long long>(hash.value()));
}

// Column counts around whole vectors, and a few vectors.
inline constexpr std::int64_t kWidths[] = {1, 7, 15, 16, 17, 33, 130};

void elementwise_cases(const cpu::Kernels& kernels);
void row_cases(const cpu::Kernels& kernels);
void loss_cases(const cpu::Kernels& kernels);
void normalization_cases(const cpu::Kernels& kernels);
void optimizer_cases(const cpu::Kernels& kernels);
void random_cases(const cpu::Kernels& kernels);
void image_cases(const cpu::Kernels& kernels);
void gemm_cases(const cpu::Kernels& kernels);

}  // namespace densor::native
