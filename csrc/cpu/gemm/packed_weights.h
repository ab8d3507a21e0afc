// The weights w (inputs, units) of a dense layer as products on the matrix units read them, packed once for
// many products.
//
// There are two forms, either of which may be absent: `forward` is b of x w, `backward` is b of dz w^T. A
// form has the panels of cpu/gemm/amx_pack.h: 32 columns of b over all of its terms. A square of 32 x 32
// weights is a block of 32 terms of a panel in both, so whoever changes weights by squares packs what it has
// just changed. With each block goes the range of its magnitudes, which tells what may have been lost
// (amx_repair.h).
#pragma once

#include <cstdint>
#include <limits>

#include "cpu/gemm/kernel.h"

namespace densor::cpu {

inline constexpr std::int64_t kTermBytes = 2048;  // of a block of a panel, for each bfloat16 term: two tiles

constexpr std::int64_t unit_squares(std::int64_t n) { return (n + kUnitSide - 1) / kUnitSide; }

struct PackedForm {
  GemmRange* ranges = nullptr;    // of the blocks, panel by panel
  std::uint8_t* tiles = nullptr;  // null: absent

  explicit operator bool() const { return tiles != nullptr; }
};

struct PackedWeights {
  std::int64_t inputs, units;
  int terms;  // bfloat16 terms of a weight
  PackedForm forward, backward;
};

// Bytes of a form, the same for both: the ranges, then, at a multiple of 64, the tiles.
constexpr std::int64_t range_bytes(std::int64_t squares) {
  const auto bytes = squares * static_cast<std::int64_t>(sizeof(GemmRange));
  return (bytes + 63) / 64 * 64;
}
constexpr std::int64_t packed_bytes(std::int64_t inputs, std::int64_t units, int terms) {
  const std::int64_t squares = unit_squares(inputs) * unit_squares(units);
  return range_bytes(squares) + squares * terms * kTermBytes;
}

// The form in memory at a multiple of 64; null: absent.
inline PackedForm packed_form(void* memory, std::int64_t inputs, std::int64_t units) {
  if (memory == nullptr) return {};
  const std::int64_t ranges = range_bytes(unit_squares(inputs) * unit_squares(units));
  return {static_cast<GemmRange*>(memory), static_cast<std::uint8_t*>(memory) + ranges};
}

// Of panels [begin, end) with `blocks` blocks each.
inline GemmRange range_of_panels(const PackedForm& form, std::int64_t begin, std::int64_t end,
                                 std::int64_t blocks) {
  GemmRange all{std::numeric_limits<float>::infinity(), 0.0f};
  for (std::int64_t n = begin * blocks; n < end * blocks; ++n) {
    all.smallest = form.ranges[n].smallest < all.smallest ? form.ranges[n].smallest : all.smallest;
    all.largest = form.ranges[n].largest > all.largest ? form.ranges[n].largest : all.largest;
  }
  return all;
}

}  // namespace densor::cpu
