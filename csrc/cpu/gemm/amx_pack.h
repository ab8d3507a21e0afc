// Packs float32 matrices into tiles of bfloat16 terms.
//
// A panel is 32 rows of a, or 32 columns of b, over all terms of the pass: [32 terms][bfloat16 term][2
// tiles], each tile 1 KB, so that loads follow one another in memory. Term k of a block of 32 is paired with
// term k + 16: then a row of a tile is made of two vectors that lie in memory as they are, of a where terms
// lie side by side and of b where columns do. The others are transposed first, 32 x 32 at a time. Rows,
// columns and terms that are not there are zero.
//
// Reads 4 bytes an element, writes 2 for each of the N bfloat16 terms.
#pragma once

#include <cstdint>
#include <limits>

#include "cpu/gemm/kernel.h"
#include "cpu/gemm/pack.h"
#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kUnitTile = 16;
inline constexpr std::int64_t kTileBytes = 1024;

// `n` floats that are there, of the sixteen from p on.
inline Vec load_some(const float* p, std::int64_t n) {
  return n >= kUnitTile ? Vec::load(p) : n > 0 ? Vec::load_first(p, static_cast<int>(n)) : Vec(0.0f);
}

// Bounds of the magnitudes that pass by, zeros left aside.
class RangeOf {
 public:
  // The bit pattern before that of zero is NaN, which min leaves aside; other magnitudes lose their last bit.
  void add(Vec x) {
    const Vec size = abs(x);
    smallest_ = min(from_bits(as_bits(size) - UVec(1u)), smallest_);
    largest_ = max(size, largest_);
  }
  // Widens the range by what passed.
  void widen(GemmRange& range) const {
    alignas(64) float low[kUnitTile], high[kUnitTile];
    smallest_.store(low);
    largest_.store(high);
    for (int i = 0; i < kUnitTile; ++i) {
      range.smallest = low[i] < range.smallest ? low[i] : range.smallest;
      range.largest = high[i] > range.largest ? high[i] : range.largest;
    }
  }
  Vec smallest() const { return smallest_; }
  Vec largest() const { return largest_; }

 private:
  Vec smallest_ = Vec(std::numeric_limits<float>::infinity()), largest_ = Vec(0.0f);
};

template <int N>
class Packer {
 public:
  static constexpr std::int64_t kBlockBytes = N * 2 * kTileBytes;  // of a panel, for 32 terms

  // `room` holds 32 x 32 floats.
  explicit Packer(float* room) : room_(room) {}

  // `rows` <= 32 rows of a, k terms of each.
  void rows(std::uint8_t* out, const float* a, std::int64_t a_row, std::int64_t a_k, std::int64_t count,
            std::int64_t k) {
    for (std::int64_t p = 0; p < k; p += kUnitSide, out += kBlockBytes) {
      const std::int64_t terms = k - p < kUnitSide ? k - p : kUnitSide;
      const float* block = a + p * a_k;
      if (a_k != 1) pack_transposed(room_, block, a_k, count, terms, kUnitSide);
      block_of_rows(out, a_k == 1 ? block : room_, a_k == 1 ? a_row : kUnitSide, count, terms);
    }
  }

  // `count` <= 32 columns of b, k terms of each; where `transposed`, b lies as (columns, terms).
  void columns(std::uint8_t* out, const float* b, std::int64_t ldb, bool transposed, std::int64_t count,
               std::int64_t k) {
    for (std::int64_t p = 0; p < k; p += kUnitSide, out += kBlockBytes) {
      const std::int64_t terms = k - p < kUnitSide ? k - p : kUnitSide;
      if (transposed) pack_transposed(room_, b + p, ldb, terms, count, kUnitSide);
      block_of_columns(out, transposed ? room_ : b + p * ldb, transposed ? kUnitSide : ldb, count, terms);
    }
  }

  const RangeOf& range() const { return range_; }

 private:
  void block_of_rows(std::uint8_t* out, const float* a, std::int64_t lda, std::int64_t count,
                     std::int64_t terms) {
    const std::int64_t tiles = count > kUnitTile ? 2 : 1;
    for (std::int64_t i = 0; i < tiles * kUnitTile; ++i) {
      const float* row = a + i * lda;
      const std::int64_t there = i < count ? terms : 0;
      line(out + i / kUnitTile * kTileBytes, i % kUnitTile, load_some(row, there),
           load_some(row + kUnitTile, there - kUnitTile));
    }
  }

  void block_of_columns(std::uint8_t* out, const float* b, std::int64_t ldb, std::int64_t count,
                        std::int64_t terms) {
    for (std::int64_t j = 0; j < count; j += kUnitTile, out += kTileBytes, b += kUnitTile) {
      for (std::int64_t p = 0; p < kUnitTile; ++p) {
        const std::int64_t lower = p < terms ? count - j : 0, upper = p + kUnitTile < terms ? count - j : 0;
        line(out, p, load_some(b + p * ldb, lower), load_some(b + (p + kUnitTile) * ldb, upper));
      }
    }
  }

  // One row of the tile of every bfloat16 term: `lower` and `upper` halves of sixteen pairs.
  void line(std::uint8_t* tile, std::int64_t row, Vec lower, Vec upper) {
    range_.add(lower);
    range_.add(upper);
    Vec lower_terms[N], upper_terms[N];
    math::bf16_split(lower_terms, lower);
    math::bf16_split(upper_terms, upper);
    for (int t = 0; t < N; ++t) {  // upper terms have no lower half, unless they are NaN, which outweighs it
      const UVec pairs = shift_right<16>(as_bits(lower_terms[t])) | as_bits(upper_terms[t]);
      pairs.store(reinterpret_cast<std::uint32_t*>(tile + 2 * kTileBytes * t) + kUnitTile * row);
    }
  }

  float* room_;
  RangeOf range_;
};

}  // namespace
}  // namespace densor::cpu
