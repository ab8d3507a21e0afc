// c = a b over one block: its panels of columns and its tiles of rows, in either order.
#pragma once

#include "cpu/gemm/kernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/parts.h"
#include "cpu/gemm/tile.h"

namespace densor::cpu {
namespace {

class Block {
 public:
  explicit Block(const GemmBlock& g)
      : g_(g),
        panels_((g.cols + kRegLanes - 1) / kRegLanes, g.vectors),
        tiles_(g.rows, g.tile_rows),
        layout_(g.a_k == 1 && g.packed_rows == nullptr ? Layout::along : Layout::across) {}

  void run() const {
    if (g_.order == GemmOrder::panels) {
      for (std::int64_t j = 0; j < panels_.count(); ++j)
        for (std::int64_t i = 0; i < tiles_.count(); ++i) multiply(i, j);
    } else {
      for (std::int64_t i = 0; i < tiles_.count(); ++i)
        for (std::int64_t j = 0; j < panels_.count(); ++j) multiply(i, j);
    }
  }

 private:
  void multiply(std::int64_t i, std::int64_t j) const {
    const std::int64_t top = tiles_.begin(i), bottom = tiles_.begin(i + 1), rows = bottom - top;
    const std::int64_t left = panels_.begin(j) * kRegLanes, right = panels_.begin(j + 1) * kRegLanes;
    const std::int64_t width = right - left;
    const std::int64_t cols = (right < g_.cols ? right : g_.cols) - left;
    Tile t{};
    t.c = g_.c + top * g_.ldc + left;
    t.ldc = g_.ldc;
    place_a(t, top, rows, j == 0);
    t.k = g_.k;
    t.last = cols - (width - kRegLanes);
    t.accumulate = g_.accumulate;
    t.join = g_.join;
    if (g_.epilogue != nullptr) {
      t.bias = g_.epilogue->bias != nullptr ? g_.epilogue->bias + left : nullptr;
      t.relu = g_.epilogue->relu;
      place_slope(t, *g_.epilogue, top, left);
    }
    const Source source = place_b(t, left, cols, width, i == 0 && !g_.packed_before);
    find_tile(static_cast<int>(width / kRegLanes), static_cast<int>(rows), source, layout_)(t);
  }

  // Points the tile at what its gradients are multiplied by.
  void place_slope(Tile& t, const GemmEpilogue& e, std::int64_t top, std::int64_t left) const {
    t.mask = e.mask != nullptr ? e.mask + top * e.mask_words : nullptr;
    t.mask_words = e.mask_words;
    t.left = left;
    t.scale = e.scale;
    t.y = e.y != nullptr ? e.y + top * g_.ldc + left : nullptr;
  }

  // Points the tile at its rows of a, which its first panel packs.
  void place_a(Tile& t, std::int64_t top, std::int64_t rows, bool first) const {
    t.a = g_.a + top * g_.a_row;
    t.a_row = g_.a_row;
    t.a_k = g_.a_k;
    if (g_.packed_rows == nullptr) return;
    if (first && g_.a_k == 1) pack_transposed(g_.packed_rows, t.a, g_.a_row, g_.k, rows, rows);
    if (first && g_.a_k != 1) pack_rows(g_.packed_rows, t.a, g_.a_k, g_.k, rows);
    t.a = g_.packed_rows;
    t.a_row = 1;
    t.a_k = rows;
  }

  // Points the tile at its panel of b, which the first tile of all packs.
  Source place_b(Tile& t, std::int64_t left, std::int64_t cols, std::int64_t width, bool first) const {
    float* packed = g_.packed + left * g_.panel_terms;
    const bool in_place = g_.packing == GemmPacking::none || (g_.packing == GemmPacking::copy && first);
    if (in_place) {
      t.b = g_.b + left;
      t.ldb = g_.ldb;
      t.packed = packed;
      const bool read_again = tiles_.count() > 1 || g_.panel_terms > 0;
      return g_.packing == GemmPacking::copy && read_again ? Source::packing : Source::in_place;
    }
    if (g_.packing == GemmPacking::transpose && first)
      pack_transposed(packed, g_.b + left * g_.ldb, g_.ldb, g_.k, cols, width);
    t.b = packed;
    t.ldb = width;
    return Source::packed;
  }

  const GemmBlock& g_;
  Parts panels_, tiles_;  // in vectors, in rows
  Layout layout_;
};

void gemm_block(const GemmBlock& g) { Block(g).run(); }

}  // namespace
}  // namespace densor::cpu
