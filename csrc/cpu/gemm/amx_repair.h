// Puts right what products of bfloat16 terms get wrong: elements of c whose operands have no sum of such
// terms (math/bf16_split.h), and those so small that denormal terms and products, read as zero, matter. These
// few are computed again by float32 multiply-adds, one chain in ascending k.
//
// Which elements those are depends on their row of a, their column of b and k, not on how c was cut:
// - c is not finite; infinity, NaN and overflow of terms lead there, whatever they are multiplied with;
// - |c| is below the error that lost terms may cause, times 2^26, and something may have been lost. A term of
//   a nonzero element below 2^-102 may be denormal; a product may be where the smallest nonzero magnitudes
//   multiply to less than 2^-97. A denormal is less than 2^-126, and to one term of c less than seven
//   products or sums and two rounded operands contribute.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cpu/gemm/amx_pack.h"
#include "cpu/gemm/kernel.h"

namespace densor::cpu {
namespace {

// Where a 32 x 32 tile of c comes from: all terms of all passes.
template <class A, class B>
struct UnitSources {
  const A* a;
  std::int64_t a_row, a_k;
  const B* b;
  std::int64_t ldb;
  bool transposed_b;
  std::int64_t rows, cols, k;
};

inline constexpr float kLeastElement = 0x1p-102f, kLeastProduct = 0x1p-97f;

// Whether anything may have been lost among elements with these bounds.
inline bool may_lose(const GemmRange& a, const GemmRange& b) {
  return !(a.smallest >= kLeastElement && b.smallest >= kLeastElement &&
           a.smallest * b.smallest >= kLeastProduct);
}
// |c| from which on the loss does not matter.
template <class T>
inline T large_enough(T largest_a, T largest_b, std::int64_t k) {
  return (largest_a + largest_b + T(7.0f)) * T(static_cast<float>(k) * 0x1p-100f);
}

// Ranges of `lines` lines of k elements: side by side, or `step` apart with the lines side by side.
template <class T>
void ranges_of_lines(GemmRange* ranges, const T* x, std::int64_t line, std::int64_t step, std::int64_t lines,
                     std::int64_t k) {
  for (std::int64_t i = 0; i < kUnitSide; ++i) ranges[i] = {std::numeric_limits<float>::infinity(), 0.0f};
  if (step == 1) {
    for (std::int64_t i = 0; i < lines; ++i) {
      RangeOf range;
      for (std::int64_t p = 0; p < k; p += kUnitTile) range.add(load_some(x + i * line + p, k - p));
      range.widen(ranges[i]);
    }
    return;
  }
  for (std::int64_t i = 0; i < lines; i += kUnitTile) {
    RangeOf range;
    for (std::int64_t p = 0; p < k; ++p) range.add(load_some(x + p * step + i, lines - i));
    alignas(64) float low[kUnitTile], high[kUnitTile];
    range.smallest().store(low);
    range.largest().store(high);
    for (std::int64_t j = 0; j < kUnitTile; ++j) ranges[i + j] = {low[j], high[j]};
  }
}

template <class A, class B>
class Repair {
 public:
  // `room` holds 32 x 32 floats.
  Repair(const UnitSources<A, B>& sources, float* room) : s_(sources), room_(room) {}

  // `c` is the tile as it was stored: two rows of two tiles, 16 x 16 each.
  void run(float* c) {
    ranges_of_lines(a_, s_.a, s_.a_row, s_.a_k, s_.rows, s_.k);
    ranges_of_lines(b_, s_.b, s_.transposed_b ? s_.ldb : 1, s_.transposed_b ? 1 : s_.ldb, s_.cols, s_.k);
    for (std::int64_t j = 0; j < s_.cols; j += kUnitTile)
      if (find_wrong(c, j)) replace(c, j);
  }

 private:
  static float* row_of(float* c, std::int64_t i, std::int64_t j) {
    return c + (i / kUnitTile * 2 + j / kUnitTile) * kUnitTile * kUnitTile + i % kUnitTile * kUnitTile;
  }

  // Marks the elements to compute again, of sixteen columns from j on.
  bool find_wrong(float* c, std::int64_t j) {
    alignas(64) float low[kUnitTile], high[kUnitTile];
    for (std::int64_t i = 0; i < kUnitTile; ++i) low[i] = b_[j + i].smallest, high[i] = b_[j + i].largest;
    const Vec smallest_b = Vec::load(low), largest_b = Vec::load(high);
    const auto there = static_cast<std::uint32_t>((std::int64_t{1} << (s_.cols - j)) - 1);
    std::uint32_t found = 0;
    for (std::int64_t i = 0; i < s_.rows; ++i) {
      const Vec x = Vec::load(row_of(c, i, j)), smallest_a(a_[i].smallest);
      const Mask sure = (min(smallest_a, smallest_b) >= Vec(kLeastElement)) &
                        (smallest_a * smallest_b >= Vec(kLeastProduct));
      const Mask large = abs(x) >= large_enough(Vec(a_[i].largest), largest_b, s_.k);
      const Mask finite = (x - x) == Vec(0.0f);
      wrong_[i] = bits_of(!(finite & (sure | large))) & there;
      found |= wrong_[i];
    }
    return found != 0;
  }

  // Sixteen columns of the tile, by multiply-adds.
  void replace(float* c, std::int64_t j) {
    Vec sums[kUnitSide];
    for (Vec& sum : sums) sum = Vec(0.0f);
    for (std::int64_t p = 0; p < s_.k; p += kUnitSide) {
      const std::int64_t terms = s_.k - p < kUnitSide ? s_.k - p : kUnitSide;
      const B* b = s_.b + p * s_.ldb;
      std::int64_t ldb = s_.ldb;
      if constexpr (std::is_same_v<B, float>) {
        if (s_.transposed_b) {
          pack_transposed(room_, s_.b + p, s_.ldb, terms, s_.cols, kUnitSide);
          b = room_;
          ldb = kUnitSide;
        }
      }
      for (std::int64_t t = 0; t < terms; ++t) {
        const Vec row = load_some(b + t * ldb + j, s_.cols - j);
        for (std::int64_t i = 0; i < s_.rows; ++i)
          sums[i] = fma(Vec(number(s_.a[i * s_.a_row + (p + t) * s_.a_k])), row, sums[i]);
      }
    }
    for (std::int64_t i = 0; i < s_.rows; ++i) {
      float* x = row_of(c, i, j);
      select(mask_from_bits(wrong_[i]), sums[i], Vec::load(x)).store(x);
    }
  }

  static float number(float x) { return x; }
  static float number(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16U); }

  const UnitSources<A, B>& s_;
  float* room_;
  GemmRange a_[kUnitSide], b_[kUnitSide];
  std::uint32_t wrong_[kUnitSide];
};

}  // namespace
}  // namespace densor::cpu
