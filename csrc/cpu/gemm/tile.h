// The micro-kernel: a tile of c held in registers while k runs.
//
// c(i, j) = [c(i, j) or 0] + a(i, 0) b(0, j) + a(i, 1) b(1, j) + ..., one chain per element in ascending k;
// then c(i, j) + that where chains are joined; on the last block what GemmEpilogue says. A row of b is read
// as vectors, elements of a are broadcast from wherever they lie, so neither a nor its transpose need be
// packed. Where rows of a follow one another (its transpose, or packed), an element is an operand in memory:
// what bounds a core that is shared is the number of instructions. The last vector of a row holds `last`
// columns of c; nothing beyond them is touched.
#pragma once

#include <array>
#include <utility>

#include "cpu/gemm/kernel.h"
#include "cpu/gemm/row.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kMaskBits = 16;  // of a word

// Where the elements of a lie: along rows, terms follow one another; across them, rows do.
enum class Layout { along, across };

constexpr int tile_rows(int vectors, Layout layout) {
  const int rows =
      (layout == Layout::across && vectors == kAcrossVectors ? kAcrossAccumulators : kAccumulators) / vectors;
  return rows < 1 ? 1 : rows < kMaxTileRows ? rows : kMaxTileRows;
}

struct Tile {
  float* c;
  std::int64_t ldc;
  const float* a;
  std::int64_t a_row, a_k;  // one of them is 1
  const float* b;
  std::int64_t ldb, k;
  float* packed;      // receives the panel, row by row
  const float* bias;  // null: none
  std::int64_t last;
  bool accumulate, join, relu;
  // Of gradients: mask from the first row of the tile on, whose first column is `left`; y like c. Null: none.
  const std::uint16_t* mask;
  std::int64_t mask_words, left;
  float scale;
  const float* y;
};

// How a row of b is read: from a packed panel; where it lies, its last vector up to the last column; or so,
// and copied to `packed`.
enum class Source { packed, in_place, packing };

// Keeps the compiler from replacing a pointer that moves by many offsets that do not, and spilling them.
inline void hide(const float*& p) { asm("" : "+r"(p)); }

// The rows of a. Along rows, one pointer serves three of them: the others are reached by scaled addressing,
// and consecutive terms by displacement, which leaves the ports to the multiply-adds.
template <int R, Layout L>
struct Rows {
  static constexpr int kPointers = L == Layout::along ? (R + 2) / 3 : 1;
  static constexpr bool kFromMemory = L == Layout::across;
  const float* at[kPointers];
  std::int64_t row, step;

  explicit Rows(const Tile& t) : row(t.a_row), step(t.a_k) {
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) at[i] = t.a + 3 * i * row;
  }
  // Term p of row i, counted from the last call of `advance`.
  const float* get(int i, int p) const {
    return L == Layout::along ? at[i / 3] + (i % 3) * row + p : at[0] + i;
  }
  void next_term() {
    if constexpr (L == Layout::across) hide(at[0] += step);
  }
  void advance(int terms) {
    if constexpr (L == Layout::across) return;
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) at[i] += terms;
  }
};

// The panel of b. One row of a uses each of its vectors once, so that the time is that of reading them: they
// are asked for some rows before.
template <int R, int C, Source S>
struct Panel {
  static constexpr bool kAhead = R == 1 && S == Source::in_place;
  static constexpr int kRowsAhead = S == Source::packing ? 32 : C < 16 ? 32 / C : 2;
  const float* at;
  float* packed;
  std::int64_t ldb;
  RegMask mask;
  const float* ahead;

  explicit Panel(const Tile& t)
      : at(t.b),
        packed(t.packed),
        ldb(S == Source::packed ? C * kRegLanes : t.ldb),
        mask(reg_mask(t.last)),
        ahead(t.b + kRowsAhead * t.ldb) {}
  Reg get(int j) const {
    const float* x = at + j * kRegLanes;
    if constexpr (kAhead) __builtin_prefetch(ahead + j * kRegLanes, 0, 3);
    const Reg b = S != Source::packed && j == C - 1 ? reg_load(x, mask) : reg_load(x);
    if constexpr (S == Source::packing) {
      // The panel is longer than the L1 cache: its lines are on the way before they are written.
      __builtin_prefetch(packed + (8 * C + j) * kRegLanes, 1, 3);
      __builtin_prefetch(ahead + j * kRegLanes, 0, 3);
      reg_store(packed + j * kRegLanes, b);
    }
    return b;
  }
  void next_term() {
    at += ldb;
    if constexpr (kAhead || S == Source::packing) hide(ahead += ldb);
    if constexpr (S != Source::packed) hide(at);
    if constexpr (S == Source::packing) packed += C * kRegLanes;
  }
};

// A row of c, or bias: C vectors, the last one up to the last column.
template <int C>
struct Row {
  RegMask mask;
  bool partial;

  explicit Row(const Tile& t) : mask(reg_mask(t.last)), partial(t.last < kRegLanes) {}
  Reg load(const float* p, int j) const {
    p += j * kRegLanes;
    return j == C - 1 && partial ? reg_load(p, mask) : reg_load(p);
  }
  void store(float* p, int j, Reg x) const {
    p += j * kRegLanes;
    j == C - 1 && partial ? reg_store(p, x, mask) : reg_store(p, x);
  }
};

// acc += a(:, p) b(p, :) for N terms.
template <int N, int R, int C, class A, class B>
inline void add_terms(Reg (&acc)[R][C], A& a, B& b) {
#pragma GCC unroll 4
  for (int p = 0; p < N; ++p) {
    Reg bj[C];
#pragma GCC unroll 24
    for (int j = 0; j < C; ++j) bj[j] = b.get(j);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      if constexpr (A::kFromMemory) {
#pragma GCC unroll 24
        for (int j = 0; j < C; ++j) acc[i][j] = reg_fma(a.get(i, p), bj[j], acc[i][j]);
      } else {
        const Reg ai = reg_broadcast(a.get(i, p));
#pragma GCC unroll 24
        for (int j = 0; j < C; ++j) acc[i][j] = reg_fma(ai, bj[j], acc[i][j]);
      }
    }
    a.next_term();
    b.next_term();
    // Terms stay in order: loads moved up from the next one would spill accumulators.
    asm volatile("" ::: "memory");
  }
  a.advance(N);
}

// Lines of c lie far apart; by the time the sums are done, they are in L2.
template <int R, int C>
inline void fetch_tile(const Tile& t) {
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) __builtin_prefetch(t.c + i * t.ldc + j * kRegLanes, 1, 2);
  }
}

template <int R, int C>
inline void start_tile(Reg (&acc)[R][C], const Tile& t) {
  const Row<C> row(t);
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < C; ++j) acc[i][j] = reg_zero();
  }
  if (!t.accumulate) return;
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < C; ++j) acc[i][j] = row.load(t.c + i * t.ldc, j);
  }
}

// acc = (keep ? acc * scale : 0) relu'(y).
template <int R, int C>
inline void apply_slope(Reg (&acc)[R][C], const Tile& t) {
  const Row<C> row(t);
  if (t.mask != nullptr) {
    const Reg scale = reg_broadcast(&t.scale);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
      for (int j = 0; j < C; ++j) {
        const std::int64_t column = t.left + j * kRegLanes;
        const std::uint32_t word = t.mask[i * t.mask_words + column / kMaskBits];
        acc[i][j] = reg_keep(reg_mul(acc[i][j], scale), word >> column % kMaskBits);
      }
    }
  }
  if (t.y != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
      for (int j = 0; j < C; ++j) acc[i][j] = reg_mul(acc[i][j], reg_step(row.load(t.y + i * t.ldc, j)));
    }
  }
}

template <Source S, int R, int C>
inline void finish_tile(Reg (&acc)[R][C], const Tile& t) {
  const Row<C> row(t);
  if (t.join) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
      for (int j = 0; j < C; ++j) acc[i][j] = reg_add(row.load(t.c + i * t.ldc, j), acc[i][j]);
    }
  }
  if (t.bias != nullptr) {
#pragma GCC unroll 24
    for (int j = 0; j < C; ++j) {
      const Reg bias = row.load(t.bias, j);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) acc[i][j] = reg_add(acc[i][j], bias);
    }
  }
  if (t.relu) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
      for (int j = 0; j < C; ++j) acc[i][j] = reg_max(reg_zero(), acc[i][j]);  // NaN stays NaN
    }
  }
  if constexpr (S == Source::packed) apply_slope(acc, t);
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < C; ++j) row.store(t.c + i * t.ldc, j, acc[i][j]);
  }
}

template <int R, int C, Source S, Layout L>
void multiply_tile(const Tile& t) {
  constexpr int kTerms = 4;
  Reg acc[R][C];
  if constexpr (L == Layout::across) fetch_tile<R, C>(t);
  start_tile(acc, t);
  if constexpr (kShifts && R == 1 && S == Source::in_place && L == Layout::along) {
    if (t.ldb <= C * kRegLanes && is_shifted(t.b, t.ldb)) {
      add_shifted_rows(acc[0], t.a, t.b, t.ldb, t.k, t.last);
      return finish_tile<S>(acc, t);
    }
  }
  Rows<R, L> a(t);
  Panel<R, C, S> b(t);
  for (std::int64_t k = t.k / kTerms; k > 0; --k) add_terms<kTerms>(acc, a, b);
  for (std::int64_t k = t.k % kTerms; k > 0; --k) add_terms<1>(acc, a, b);
  finish_tile<S>(acc, t);
}

using TileKernel = void (*)(const Tile&);

// The micro-kernels of one width: [layout][source][rows - 1].
template <int C>
struct TileColumn {
  using Kernels = std::array<TileKernel, kMaxTileRows>;
  template <Source S, Layout L, std::size_t... R>
  static constexpr Kernels make(std::index_sequence<R...>) {
    constexpr int kWidest = L == Layout::across     ? kAcrossVectors
                            : S != Source::in_place ? kMaxPackedVectors
                                                    : kMaxTileVectors;
    if constexpr (C > kWidest)
      return {};
    else
      return {multiply_tile<static_cast<int>(R) + 1, C, S, L>...};
  }
  template <Layout L>
  static constexpr std::array<Kernels, 3> layout() {
    constexpr auto kRows = std::make_index_sequence<static_cast<std::size_t>(tile_rows(C, L))>{};
    return {make<Source::packed, L>(kRows), make<Source::in_place, L>(kRows),
            make<Source::packing, L>(kRows)};
  }
  static constexpr std::array<std::array<Kernels, 3>, 2> kKernels = {layout<Layout::along>(),
                                                                     layout<Layout::across>()};
};

template <std::size_t... C>
TileKernel find_tile(int vectors, int rows, Source source, Layout layout, std::index_sequence<C...>) {
  static constexpr decltype(&TileColumn<1>::kKernels) kWidths[] = {
      &TileColumn<static_cast<int>(C) + 1>::kKernels...};
  const auto& kernels = (*kWidths[vectors - 1])[static_cast<std::size_t>(layout)];
  return kernels[static_cast<std::size_t>(source)][static_cast<std::size_t>(rows - 1)];
}

inline TileKernel find_tile(int vectors, int rows, Source source, Layout layout) {
  return find_tile(vectors, rows, source, layout, std::make_index_sequence<kMaxTileVectors>{});
}

}  // namespace
}  // namespace densor::cpu
