// What the tile instructions of AMX compute, bit by bit, on the vector units; the surface is that of
// amx_tiles.h.
//
// TDPBF16PS c, a, b (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2): of each pair of
// bfloat16 numbers the lower ones make up one chain of float32 multiply-adds that starts at zero, the upper
// ones another; the sum of both chains is added to c. Rounding is to nearest, ties to even, after each fused
// multiply-add and each sum; denormal operands and results are zero, whatever MXCSR says.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/denormals.h"

namespace densor::cpu {
namespace {

class Tiles {
 public:
  Tiles() = default;
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  static void fence() {}

  template <int T>
  void zero() {
    std::memset(tiles_[T], 0, sizeof tiles_[T]);
  }
  template <int T>
  void load(const void* p) {
    std::memcpy(tiles_[T], p, sizeof tiles_[T]);
  }
  template <int T>
  void store(void* p) const {
    std::memcpy(p, tiles_[T], sizeof tiles_[T]);
  }
  template <int I, int J>
  void dot() {
    product(tiles_[2 * I + J], tiles_[4 + I], tiles_[6 + J]);
  }

 private:
  static constexpr int kSide = 16;
  using Tile = float[kSide * kSide];

  static Vec lower(UVec pairs) { return from_bits(shift_left<16>(pairs)); }
  static Vec upper(UVec pairs) { return from_bits(pairs & UVec(0xffff0000u)); }

  static void product(Tile& c, const Tile& a, const Tile& b) {
    Vec b_lower[kSide], b_upper[kSide];
    for (int k = 0; k < kSide; ++k) {
      const UVec pairs = as_bits(Vec::load(b + kSide * k));
      b_lower[k] = lower(pairs);
      b_upper[k] = upper(pairs);
    }
    for (int i = 0; i < kSide; ++i) {
      Vec sum_lower(0.0f), sum_upper(0.0f);
      for (int k = 0; k < kSide; ++k) {
        std::uint32_t pair;
        std::memcpy(&pair, a + kSide * i + k, sizeof pair);
        sum_lower = fma(lower(UVec(pair)), b_lower[k], sum_lower);
        sum_upper = fma(upper(UVec(pair)), b_upper[k], sum_upper);
      }
      (Vec::load(c + kSide * i) + (sum_lower + sum_upper)).store(c + kSide * i);
    }
  }

  FlushDenormals flush_;
  alignas(64) Tile tiles_[8];
};

}  // namespace
}  // namespace densor::cpu
