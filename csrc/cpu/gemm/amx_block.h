// c = a b over one block on the matrix units, by 1, 3 or 6 products of bfloat16 terms for one of float32.
//
// With a = a0 + a1 + a2 (math/bf16_split.h) and b alike, the products are, in this order, for each 32 terms
// of k
//   x6: a2 b0, a1 b0, a1 b1, a0 b1, a0 b2, a0 b0     what is left out is below 2^-25 of |a| |b|
//   x3: a0 b1, a0 b0, a1 b0                          2^-16
//   x1: a0 b0                                        2^-8
// Each product of 32 terms is summed apart and then added to c (amx_model.h), so c is rounded six times for
// 32 terms where multiply-adds round it 32 times. From one product to the next one operand changes: its
// second tile is loaded behind products that need only the first.
//
// A block packs its rows of a and the columns of b that nobody has packed before it; each 32 x 32 tile of c
// then takes all terms of the pass without leaving its registers. Tiles are stored to a 4 KB square, where
// the epilogue reads them, and what bfloat16 got wrong is put right first (amx_repair.h).
//
// By x1 operands may be arrays of bfloat16 (GemmHalves): the bits are those of float32 copies, rounded behind
// every factor.
#pragma once

#include <cstdint>

#include "cpu/gemm/amx_pack.h"
#include "cpu/gemm/amx_repair.h"
#include "cpu/gemm/kernel.h"

namespace densor::cpu {
namespace {

// Tiles of one block of 32 terms: [bfloat16 term][2].
inline const std::uint8_t* tile_at(const std::uint8_t* block, int term, int i) {
  return block + (2 * term + i) * kTileBytes;
}

// c += a b for R x C tiles, after a's tiles changed, and b's where `both`.
template <int R, int C, bool both>
inline void add_rows(Tiles& t, const std::uint8_t* a, int ta, const std::uint8_t* b, int tb) {
  t.template load<4>(tile_at(a, ta, 0));
  if constexpr (both) t.template load<6>(tile_at(b, tb, 0));
  t.template dot<0, 0>();
  if constexpr (C > 1) {
    if constexpr (both) t.template load<7>(tile_at(b, tb, 1));
    t.template dot<0, 1>();
  }
  if constexpr (R > 1) {
    t.template load<5>(tile_at(a, ta, 1));
    t.template dot<1, 0>();
    if constexpr (C > 1) t.template dot<1, 1>();
  }
}

// The same after b's tiles changed.
template <int R, int C>
inline void add_columns(Tiles& t, const std::uint8_t* b, int tb) {
  t.template load<6>(tile_at(b, tb, 0));
  t.template dot<0, 0>();
  if constexpr (R > 1) t.template dot<1, 0>();
  if constexpr (C > 1) {
    t.template load<7>(tile_at(b, tb, 1));
    t.template dot<0, 1>();
    if constexpr (R > 1) t.template dot<1, 1>();
  }
}

// Asks for the next lines of a panel that will be read soon: one for each product of tiles.
inline void ask_ahead(const std::uint8_t*& ahead) {
  for (int i = 0; i < 4; ++i, ahead += 64) __builtin_prefetch(ahead, 0, 2);
}

template <int N, int R, int C>
inline void add_block(Tiles& t, const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t*& ahead) {
  if constexpr (N == 1) {
    add_rows<R, C, true>(t, a, 0, b, 0), ask_ahead(ahead);
  } else if constexpr (N == 2) {
    add_rows<R, C, true>(t, a, 0, b, 1), ask_ahead(ahead);
    add_columns<R, C>(t, b, 0), ask_ahead(ahead);
    add_rows<R, C, false>(t, a, 1, b, 0), ask_ahead(ahead);
  } else {
    add_rows<R, C, true>(t, a, 2, b, 0), ask_ahead(ahead);
    add_rows<R, C, false>(t, a, 1, b, 0), ask_ahead(ahead);
    add_columns<R, C>(t, b, 1), ask_ahead(ahead);
    add_rows<R, C, false>(t, a, 0, b, 1), ask_ahead(ahead);
    add_columns<R, C>(t, b, 2), ask_ahead(ahead);
    add_columns<R, C>(t, b, 0), ask_ahead(ahead);
  }
}

// `square` is what to add to where `accumulate`, and the result; `ahead` is what to ask for meanwhile.
template <int N, int R, int C>
void multiply_tiles(Tiles& t, float* square, const std::uint8_t* a, const std::uint8_t* b,
                    std::int64_t blocks, bool accumulate, const std::uint8_t* ahead) {
  constexpr std::int64_t kFloats = kUnitTile * kUnitTile;
  Tiles::fence();
  if (accumulate) {
    t.template load<0>(square);
    if constexpr (C > 1) t.template load<1>(square + kFloats);
    if constexpr (R > 1) t.template load<2>(square + 2 * kFloats);
    if constexpr (R > 1 && C > 1) t.template load<3>(square + 3 * kFloats);
  } else {
    t.template zero<0>();
    if constexpr (C > 1) t.template zero<1>();
    if constexpr (R > 1) t.template zero<2>();
    if constexpr (R > 1 && C > 1) t.template zero<3>();
  }
  for (; blocks > 0; --blocks, a += Packer<N>::kBlockBytes, b += Packer<N>::kBlockBytes)
    add_block<N, R, C>(t, a, b, ahead);
  t.template store<0>(square);
  if constexpr (C > 1) t.template store<1>(square + kFloats);
  if constexpr (R > 1) t.template store<2>(square + 2 * kFloats);
  if constexpr (R > 1 && C > 1) t.template store<3>(square + 3 * kFloats);
  Tiles::fence();
}

// A, B, C: of the arrays' elements.
template <int N, class A = float, class B = float, class C = float>
class UnitBlock {
 public:
  explicit UnitBlock(const GemmBlock& g)
      : g_(g),
        from_a_(reinterpret_cast<const A*>(g.a)),
        from_b_(reinterpret_cast<const B*>(g.b)),
        blocks_((g.k + kUnitSide - 1) / kUnitSide),
        panel_bytes_(blocks_ * Packer<N>::kBlockBytes),
        lead_(g.packed_b != nullptr && g.upper_half ? kUnitTile : 0),
        square_(g.packed_rows),
        room_(g.packed_rows + kUnitSide * kUnitSide),
        b_(reinterpret_cast<std::uint8_t*>(g.packed)),
        a_(reinterpret_cast<std::uint8_t*>(g.packed_rows + kUnitRoom)) {}

  void run() {
    pack_rows();
    Tiles tiles;
    for (std::int64_t j = 0; j < panels(lead_ + g_.cols); ++j) {
      if (g_.packed_b == nullptr && !g_.packed_before) pack_columns(j);
      for (std::int64_t i = 0; i < panels(g_.rows); ++i) multiply(tiles, i, j);
    }
  }

 private:
  static std::int64_t panels(std::int64_t n) { return (n + kUnitSide - 1) / kUnitSide; }
  static std::int64_t part(std::int64_t n, std::int64_t i) {
    return n - i * kUnitSide < kUnitSide ? n - i * kUnitSide : kUnitSide;
  }
  static std::int64_t tile_part(std::int64_t left) { return left < kUnitTile ? left : kUnitTile; }
  bool transposed_b() const { return g_.packing == GemmPacking::transpose; }

  // The columns of panel j, of which the first may lack its lower half, and where it lies.
  std::int64_t left(std::int64_t j) const { return j > 0 ? j * kUnitSide - lead_ : 0; }
  std::int64_t width(std::int64_t j) const {
    const std::int64_t right = (j + 1) * kUnitSide - lead_;
    return (right < g_.cols ? right : g_.cols) - left(j);
  }
  const std::uint8_t* panel(std::int64_t j) const {
    if (g_.packed_b == nullptr) return b_ + j * panel_bytes_;
    return g_.packed_b + j * g_.panel_bytes + (j == 0 && lead_ > 0 ? kTileBytes : 0);
  }

  void pack_rows() {
    Packer<N> packer(room_);
    for (std::int64_t i = 0; i < panels(g_.rows); ++i)
      packer.rows(a_ + i * panel_bytes_, from_a_ + i * kUnitSide * g_.a_row, g_.a_row, g_.a_k,
                  part(g_.rows, i), g_.k);
    packer.range().widen(g_.ranges[0]);
  }

  void pack_columns(std::int64_t j) {
    Packer<N> packer(room_);
    packer.columns(b_ + j * panel_bytes_, from_b_ + j * kUnitSide * (transposed_b() ? g_.ldb : 1), g_.ldb,
                   transposed_b(), part(g_.cols, j), g_.k);
    packer.range().widen(g_.ranges[1]);
  }

  void multiply(Tiles& tiles, std::int64_t i, std::int64_t j) {
    const std::int64_t rows = part(g_.rows, i), cols = width(j);
    if (g_.accumulate) load_square(to_c(i, j), rows, cols);
    const bool two_rows = rows > kUnitTile, two_columns = cols > kUnitTile;
    const auto kernel = two_rows      ? two_columns ? multiply_tiles<N, 2, 2> : multiply_tiles<N, 2, 1>
                             : two_columns ? multiply_tiles<N, 1, 2>
                                      : multiply_tiles<N, 1, 1>;
    kernel(tiles, square_, a_ + i * panel_bytes_, panel(j), blocks_, g_.accumulate, ahead(i, j));
    if (!finish(i, j) && g_.epilogue != nullptr) {
      repair(i, j);
      finish(i, j);
    }
    if constexpr (!std::is_same_v<C, float>) {
      if (g_.epilogue != nullptr && g_.epilogue->activate != nullptr) activate(i, j);
    }
  }

  // What the tiles to come will read of b, an equal part during each tile of these columns.
  const std::uint8_t* ahead(std::int64_t i, std::int64_t j) const {
    const bool there = (g_.packed_before || g_.packed_b != nullptr) && j + 1 < panels(lead_ + g_.cols);
    return panel(there ? j + 1 : j) + i * (panel_bytes_ / panels(g_.rows) / 64 * 64);
  }

  // Sixteen columns of a row of the tile at hand, from column j on.
  float* row_of(std::int64_t i, std::int64_t j) const {
    return square_ + (i / kUnitTile * 2 + j / kUnitTile) * kUnitTile * kUnitTile + i % kUnitTile * kUnitTile;
  }

  // Where tile (i, j) lies in c.
  C* to_c(std::int64_t i, std::int64_t j) const {
    return reinterpret_cast<C*>(g_.c) + i * kUnitSide * g_.ldc + left(j);
  }

  void load_square(const C* c, std::int64_t rows, std::int64_t cols) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; j += kUnitTile)
        load_some(c + i * g_.ldc + j, cols - j).store(row_of(i, j));
  }

  void repair(std::int64_t i, std::int64_t j) {
    const std::int64_t step_b = transposed_b() ? 1 : g_.ldb, column_b = transposed_b() ? g_.ldb : 1;
    const UnitSources<A, B> sources{from_a_ + i * kUnitSide * g_.a_row - g_.before * g_.a_k,
                                    g_.a_row,
                                    g_.a_k,
                                    from_b_ + left(j) * column_b - g_.before * step_b,
                                    g_.ldb,
                                    transposed_b(),
                                    part(g_.rows, i),
                                    width(j),
                                    g_.before + g_.k};
    Repair<A, B>(sources, room_).run(square_);
  }

  // Sixteen columns of a gradient from (i, j) on, of which `there` are there, times what its epilogue says.
  Vec sloped(const GemmEpilogue& e, Vec x, std::int64_t i, std::int64_t j, std::int64_t there) const {
    if (e.mask != nullptr) {
      const std::uint16_t keep = there > 0 ? e.mask[i * e.mask_words + j / kUnitTile] : std::uint16_t{0};
      x = as_stored<C>(select(mask_from_bits(keep), x * Vec(e.scale), Vec(0.0f)));
    }
    if (e.y != nullptr) {
      const Vec y = load_some(reinterpret_cast<const C*>(e.y) + i * g_.ldc + j, there);
      x = as_stored<C>(x * select(y > Vec(0.0f), Vec(1.0f), Vec(0.0f)));
    }
    return x;
  }

  // The epilogue: the tile at hand goes to c. False if an element of it may have to be computed again.
  bool finish(std::int64_t tile, std::int64_t panel) {
    const std::int64_t rows = part(g_.rows, tile), first = left(panel), cols = width(panel);
    C* c = to_c(tile, panel);
    const GemmEpilogue none{}, &e = g_.epilogue != nullptr ? *g_.epilogue : none;
    const bool lossy = may_lose(g_.ranges[0], g_.ranges[1]), slopes = e.mask != nullptr || e.y != nullptr;
    const Vec zero(0.0f),
        enough(lossy ? large_enough(g_.ranges[0].largest, g_.ranges[1].largest, g_.before + g_.k) : 0.0f);
    Vec shift[2] = {zero, zero}, residue[2] = {zero, zero}, least[2] = {enough, enough};
    for (int h = 0; h < 2 && e.bias != nullptr; ++h)
      shift[h] = load_some(e.bias + first + h * kUnitTile, cols - h * kUnitTile);
    for (std::int64_t i = 0; i < rows; ++i, c += g_.ldc) {
      for (int h = 0; h < 2; ++h) {
        const std::int64_t there = cols - h * kUnitTile;
        Vec x = Vec::load(row_of(i, h * kUnitTile));
        residue[h] = fma(x, zero, residue[h]);  // NaN from the first element on that is not finite
        least[h] = min(abs(x), least[h]);
        if (e.bias != nullptr) x = x + shift[h];
        if (e.relu) x = max(zero, x);  // NaN stays NaN
        x = as_stored<C>(x);
        if (slopes) x = sloped(e, x, tile * kUnitSide + i, first + h * kUnitTile, there);
        if (there > 0 && e.activate == nullptr)
          store_lanes(c + h * kUnitTile, there < kUnitTile ? static_cast<int>(there) : kLanes, x);
      }
    }
    const bool second = cols > kUnitTile;
    const Vec residues = second ? residue[0] + residue[1] : residue[0];
    return !any(!(residues == zero)) && !any(!((second ? min(least[0], least[1]) : least[0]) >= enough));
  }

  // The epilogue of long formulas: from the square to c and z, a tile register at a time.
  void activate(std::int64_t tile, std::int64_t panel) {
    const GemmEpilogue& e = *g_.epilogue;
    const std::int64_t rows = part(g_.rows, tile), first = left(panel), cols = width(panel);
    C* c = to_c(tile, panel);
    C* z = e.z != nullptr ? e.z + (c - reinterpret_cast<C*>(g_.c)) : nullptr;
    for (std::int64_t i = 0; i < rows; i += kUnitTile)
      for (std::int64_t j = 0; j < cols; j += kUnitTile) {
        const std::int64_t at = i * g_.ldc + j;
        e.activate(c + at, z != nullptr ? z + at : nullptr, row_of(i, j),
                   e.bias != nullptr ? e.bias + first + j : nullptr, tile_part(rows - i), tile_part(cols - j),
                   g_.ldc, g_.ldc, kUnitTile, e.activation, e.alpha);
      }
  }

  const GemmBlock& g_;
  const A* from_a_;
  const B* from_b_;
  std::int64_t blocks_, panel_bytes_;
  std::int64_t lead_;  // columns of the first panel that lie before the block
  float *square_, *room_;
  std::uint8_t *b_, *a_;
};

void units_block(const GemmBlock& g) {
  using Half = std::uint16_t;
  if (g.products == 6) return UnitBlock<3>(g).run();
  if (g.products == 3) return UnitBlock<2>(g).run();
  switch (g.halves) {
    case GemmHalves::none:
      return UnitBlock<1>(g).run();
    case GemmHalves::a:
      return UnitBlock<1, Half>(g).run();
    case GemmHalves::a_and_b:
      return UnitBlock<1, Half, Half>(g).run();
    case GemmHalves::a_and_c:
      return UnitBlock<1, Half, float, Half>(g).run();
  }
}

double units_peak(std::int64_t rounds) {
  Tiles t;
  t.template zero<0>(), t.template zero<1>(), t.template zero<2>(), t.template zero<3>();
  t.template zero<4>(), t.template zero<5>(), t.template zero<6>(), t.template zero<7>();
  for (std::int64_t n = 0; n < rounds; ++n) {
    t.template dot<0, 0>();
    t.template dot<0, 1>();
    t.template dot<1, 0>();
    t.template dot<1, 1>();
  }
  return 4.0 * 2 * kUnitTile * kUnitTile * kUnitSide * static_cast<double>(rounds);
}

}  // namespace
}  // namespace densor::cpu
