// Packs matrices of float32, or of bfloat16, which is a term, into tiles of bfloat16 terms.
//
// A panel is 32 rows of a, or 32 columns of b, over all terms of the pass: [32 terms][bfloat16 term][2
// tiles], each tile 1 KB, so that loads follow one another in memory. Term k of a block of 32 is paired with
// term k + 16: then a row of a tile is made of two vectors that lie in memory as they are, of a where terms
// lie side by side and of b where columns do. The others are transposed, 32 x 32 at a time: first, or, if
// they have one term, when they are pairs, which are half as many. Rows, columns and terms that are not there
// are zero.
//
// Reads 4 bytes an element, or 2, and writes 2 for each of the N bfloat16 terms.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "cpu/gemm/kernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/generic/bf16.h"
#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kUnitTile = 16;
inline constexpr std::int64_t kTileBytes = 1024;

// `n` numbers that are there, of the sixteen from p on.
template <class T>
inline Vec load_some(const T* p, std::int64_t n) {
  return n >= kLanes ? load_lanes(p, kLanes) : n > 0 ? load_lanes(p, static_cast<int>(n)) : Vec(0.0f);
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

  // `count` <= 32 rows of a, k terms of each.
  template <class T>
  void rows(std::uint8_t* out, const T* a, std::int64_t a_row, std::int64_t a_k, std::int64_t count,
            std::int64_t k) {
    for (std::int64_t p = 0; p < k; p += kUnitSide, out += kBlockBytes) {
      const std::int64_t terms = k - p < kUnitSide ? k - p : kUnitSide;
      const T* block = a + p * a_k;
      if (a_k == 1) {
        block_of_rows(out, block, a_row, count, terms);
      } else if constexpr (N == 1) {
        block_of_columns(in_room(), block, a_k, count, terms);
        transpose_tiles(out, count);
      } else {
        pack_transposed(room_, block, a_k, count, terms, kUnitSide);
        block_of_rows(out, room_, kUnitSide, count, terms);
      }
    }
  }

  // `count` <= 32 columns of b, k terms of each; where `transposed`, b lies as (columns, terms).
  template <class T>
  void columns(std::uint8_t* out, const T* b, std::int64_t ldb, bool transposed, std::int64_t count,
               std::int64_t k) {
    for (std::int64_t p = 0; p < k; p += kUnitSide, out += kBlockBytes) {
      const std::int64_t terms = k - p < kUnitSide ? k - p : kUnitSide;
      if (!transposed) {
        block_of_columns(out, b + p * ldb, ldb, count, terms);
      } else if constexpr (N == 1) {
        block_of_rows(in_room(), b + p, ldb, count, terms);
        transpose_tiles(out, count);
      } else {
        pack_transposed(room_, b + p, ldb, terms, count, kUnitSide);
        block_of_columns(out, room_, kUnitSide, count, terms);
      }
    }
  }

  const RangeOf& range() const { return range_; }

 private:
  std::uint8_t* in_room() const { return reinterpret_cast<std::uint8_t*>(room_); }

  // Of tiles that lie in the room, each one of 16 x 16 pairs.
  void transpose_tiles(std::uint8_t* out, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; i += kUnitTile)
      pack_transposed(reinterpret_cast<float*>(out) + i * kUnitTile, room_ + i * kUnitTile, kUnitTile,
                      kUnitTile, kUnitTile, kUnitTile);
  }

  template <class T>
  void block_of_rows(std::uint8_t* out, const T* a, std::int64_t lda, std::int64_t count,
                     std::int64_t terms) {
    const std::int64_t tiles = count > kUnitTile ? 2 : 1;
    for (std::int64_t i = 0; i < tiles * kUnitTile; ++i) {
      const T* row = a + i * lda;
      const std::int64_t there = i < count ? terms : 0;
      line<T>(out + i / kUnitTile * kTileBytes, i % kUnitTile, load_some(row, there),
              load_some(row + kUnitTile, there - kUnitTile));
    }
  }

  template <class T>
  void block_of_columns(std::uint8_t* out, const T* b, std::int64_t ldb, std::int64_t count,
                        std::int64_t terms) {
    for (std::int64_t j = 0; j < count; j += kUnitTile, out += kTileBytes, b += kUnitTile) {
      for (std::int64_t p = 0; p < kUnitTile; ++p) {
        const std::int64_t lower = p < terms ? count - j : 0, upper = p + kUnitTile < terms ? count - j : 0;
        line<T>(out, p, load_some(b + p * ldb, lower), load_some(b + (p + kUnitTile) * ldb, upper));
      }
    }
  }

  // One row of the tile of every bfloat16 term: `lower` and `upper` halves of sixteen pairs.
  template <class T>
  void line(std::uint8_t* tile, std::int64_t row, Vec lower, Vec upper) {
    range_.add(lower);
    range_.add(upper);
    Vec lower_terms[N], upper_terms[N];
    split<T>(lower_terms, lower);
    split<T>(upper_terms, upper);
    for (int t = 0; t < N; ++t) {  // upper terms have no lower half, unless they are NaN, which outweighs it
      const UVec pairs = shift_right<16>(as_bits(lower_terms[t])) | as_bits(upper_terms[t]);
      pairs.store(reinterpret_cast<std::uint32_t*>(tile + 2 * kTileBytes * t) + kUnitTile * row);
    }
  }

  template <class T>
  static void split(Vec (&terms)[N], Vec x) {
    if constexpr (std::is_same_v<T, float>) {
      math::bf16_split(terms, x);
    } else {
      static_assert(N == 1);
      terms[0] = x;
    }
  }

  float* room_;
  RangeOf range_;
};

}  // namespace
}  // namespace densor::cpu
