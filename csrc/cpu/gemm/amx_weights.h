// Packs squares of weights (packed_weights.h): bit by bit what amx_pack.h makes of b, each weight split once
// for both forms. Reads 4 bytes a weight, writes 2 for each bfloat16 term and form.
#pragma once

#include <cstdint>
#include <limits>

#include "cpu/gemm/amx_pack.h"
#include "cpu/gemm/packed_weights.h"

namespace densor::cpu {
namespace {

template <int N>
class SquarePacker {
 public:
  // Weights beyond `rows` x `cols` <= 32 x 32 are zero.
  void read(const float* w, std::int64_t ldw, std::int64_t rows, std::int64_t cols) {
    for (std::int64_t i = 0; i < kUnitSide; ++i) {
      const std::int64_t there = i < rows ? cols : 0;
      for (std::int64_t h = 0; h < 2; ++h) {
        const Vec x = load_some(w + i * ldw + h * kUnitTile, there - h * kUnitTile);
        range_.add(x);
        Vec split[N];
        math::bf16_split(split, x);
        for (int t = 0; t < N; ++t) split[t].store(terms_[t][i] + h * kUnitTile);
      }
    }
  }

  // Rows p and p + 16 are pairs of terms.
  void forward(std::uint8_t* block) const {
    for (int t = 0; t < N; ++t)
      for (std::int64_t h = 0; h < 2; ++h, block += kTileBytes)
        for (std::int64_t p = 0; p < kUnitTile; ++p)
          pairs(terms_[t][p] + h * kUnitTile, terms_[t][p + kUnitTile] + h * kUnitTile)
              .store(reinterpret_cast<std::uint32_t*>(block) + kUnitTile * p);
  }

  // Columns p and p + 16 are: a tile is the transpose of sixteen rows of pairs.
  void backward(std::uint8_t* block) const {
    alignas(64) std::uint32_t rows[kUnitTile * kUnitTile];
    for (int t = 0; t < N; ++t) {
      for (std::int64_t h = 0; h < 2; ++h, block += kTileBytes) {
        for (std::int64_t j = 0; j < kUnitTile; ++j) {
          const float* row = terms_[t][h * kUnitTile + j];
          pairs(row, row + kUnitTile).store(rows + kUnitTile * j);
        }
        pack_transposed(reinterpret_cast<float*>(block), reinterpret_cast<const float*>(rows), kUnitTile,
                        kUnitTile, kUnitTile, kUnitTile);
      }
    }
  }

  GemmRange range() const {
    GemmRange range{std::numeric_limits<float>::infinity(), 0.0f};
    range_.widen(range);
    return range;
  }

 private:
  static UVec pairs(const float* lower, const float* upper) {
    return shift_right<16>(as_bits(Vec::load(lower))) | as_bits(Vec::load(upper));
  }

  alignas(64) float terms_[N][kUnitSide][kUnitSide];
  RangeOf range_;
};

template <int N>
void pack_square_of_weights(const PackedWeights& packed, const float* w, std::int64_t i, std::int64_t j) {
  const auto part = [](std::int64_t n, std::int64_t k) {
    return n - k * kUnitSide < kUnitSide ? n - k * kUnitSide : kUnitSide;
  };
  SquarePacker<N> square;
  square.read(w + i * kUnitSide * packed.units + j * kUnitSide, packed.units, part(packed.inputs, i),
              part(packed.units, j));
  const std::int64_t forward = j * unit_squares(packed.inputs) + i,
                     backward = i * unit_squares(packed.units) + j;
  if (packed.forward) {
    packed.forward.ranges[forward] = square.range();
    square.forward(packed.forward.tiles + forward * N * kTermBytes);
  }
  if (packed.backward) {
    packed.backward.ranges[backward] = square.range();
    square.backward(packed.backward.tiles + backward * N * kTermBytes);
  }
}

void units_pack_weights(const PackedWeights& packed, const float* w, std::int64_t i, std::int64_t j) {
  if (packed.terms == 1)
    pack_square_of_weights<1>(packed, w, i, j);
  else if (packed.terms == 2)
    pack_square_of_weights<2>(packed, w, i, j);
  else
    pack_square_of_weights<3>(packed, w, i, j);
}

}  // namespace
}  // namespace densor::cpu
