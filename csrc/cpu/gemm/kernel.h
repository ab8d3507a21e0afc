// What the GEMM needs of a target: the shape of its register tiles and the kernel that multiplies one block.
//
// A tile is `rows` x `vectors` registers of c, kept in registers while k runs. A panel is the columns of one
// tile, over all terms of the block. Columns are cut into panels, and rows into tiles, of nearly equal size.
#pragma once

#include <cstdint>

#include "math/activation_kind.h"

namespace densor::cpu {

struct GemmShape {
  int lanes;               // floats in a vector register
  int accumulators;        // registers that hold the tile
  int max_vectors;         // of the widest tile that reads both operands where they lie
  int max_packed_vectors;  // of the widest tile that reads a along its rows
  int across_vectors;      // of the widest tile that reads a across its rows,
  int across_rows;         // and rows of the tallest such tile
  int max_rows;            // of the tallest tile
  bool packs_rows;         // a pays for being packed across its rows
  double flops_per_cycle;  // fused multiply-adds count twice
  bool matrix_units;       // GemmKernels::units can be called
};

// Bounds of the magnitudes of an operand's elements, zeros left aside.
struct GemmRange {
  float smallest, largest;
};

// v = x + bias[column] (bias may be null); z = v unless z is null; y = activation(v). y and z are bfloat16.
using ActivateSums = void (*)(std::uint16_t* y, std::uint16_t* z, const float* x, const float* bias,
                              std::int64_t rows, std::int64_t cols, std::int64_t ldy, std::int64_t ldz,
                              std::int64_t ldx, math::Activation activation, float alpha);

// What happens to a finished element: v = sum + bias[column], then relu, or `activate` where c is bfloat16.
// Or, where b lies transposed, to that of a gradient: v = keep ? sum * scale : 0, then v * relu'(y).
struct GemmEpilogue {
  const float* bias = nullptr;
  bool relu = false;
  ActivateSums activate = nullptr;
  math::Activation activation = math::Activation::linear;
  float alpha = 0;
  std::uint16_t* z = nullptr;           // laid out as c
  const std::uint16_t* mask = nullptr;  // keep of (i, j): bit j % 16 of mask[i * mask_words + j / 16]
  std::int64_t mask_words = 0;
  float scale = 1;
  const float* y = nullptr;  // laid out as c, and of its type
};

// How the block reads b: where it lies; or as panels, copied by the first tile that reads them, or transposed
// by a pass of their own.
enum class GemmPacking { none, copy, transpose };

// Which loop is the outer one. Panel by panel, one panel at a time is packed and the rows of a stream past
// it; tile by tile, all of b is packed and c is written from top to bottom.
enum class GemmOrder { panels, tiles };

// Which operands of a product of single bfloat16 terms, on matrix units, are arrays of bfloat16, behind
// pointers to float: they are read as they lie, and c is rounded once.
enum class GemmHalves { none, a, a_and_b, a_and_c };

// c = a b, or c += a b, over `k` terms: on the vector units in ascending order, one chain of fused
// multiply-adds per element, that begins with c (`accumulate`) or is added to it (`join`); on the matrix
// units as cpu/gemm/amx_block.h says.
struct GemmBlock {
  float* c;  // element (i, j) at c[i * ldc + j]
  std::int64_t ldc;
  const float* a;           // element (i, p) at a[i * a_row + p * a_k]
  std::int64_t a_row, a_k;  // one of them is 1
  const float* b;           // element (p, j) at b[p * ldb + j]; GemmPacking::transpose: at b[j * ldb + p]
  std::int64_t ldb;
  std::int64_t rows, cols, k;
  int vectors, tile_rows;  // of the largest tile
  GemmPacking packing;
  GemmOrder order;
  float* packed_rows;        // a tile of a, across its rows (GemmOrder::tiles); null: read where it lies;
                             // matrix units: kUnitRoom floats, then the rows
  float* packed;             // 64-byte aligned; the panel from column j on lies at packed + j * panel_terms
  std::int64_t panel_terms;  // k: panels are kept; 0: one takes the place of the other (GemmOrder::panels)
  bool packed_before;        // an earlier block of rows has packed and kept these panels
  bool accumulate;           // start from c; from zero otherwise
  bool join;                 // add what comes out to c
  const GemmEpilogue* epilogue;  // null: more terms will follow
  // Matrix units alone:
  int products;         // 1, 3 or 6 products of bfloat16 terms for one of float32
  GemmHalves halves;    // b then is not transposed, or float32; c takes all terms at once, or is float32
  std::int64_t before;  // terms of earlier passes; those of a and b lie before the ones pointed to
  GemmRange* ranges;    // of the operands packed so far: of a, of b
  // Null: the block packs its columns of b. Otherwise their panels (cpu/gemm/packed_weights.h), from that of
  // the first one on, `panel_bytes` from one to the next.
  const std::uint8_t* packed_b;
  std::int64_t panel_bytes;
  bool upper_half;  // the first column is the seventeenth of its panel
};

struct PackedWeights;

// Kernels of the matrix units; null where there are none.
struct MatrixUnits {
  // Rows and columns of the block, rounded up to kUnitSide, have the terms, rounded up to it, packed, 2 bytes
  // for each bfloat16 term of an element.
  void (*block)(const GemmBlock& block);
  // Packs square (i, j) of the weights `w` (packed.inputs, packed.units) in every form that there is.
  void (*pack_weights)(const PackedWeights& packed, const float* w, std::int64_t i, std::int64_t j);
  // Runs `rounds` rounds of products in registers; returns the operations done.
  double (*peak)(std::int64_t rounds);
};

inline constexpr std::int64_t kUnitSide = 32;
inline constexpr std::int64_t kUnitRoom = 2 * kUnitSide * kUnitSide;

struct GemmKernels {
  GemmShape shape;
  MatrixUnits units;
  void (*block)(const GemmBlock& block);
  // Runs `rounds` rounds of independent multiply-adds in registers; returns the operations done.
  double (*peak)(std::int64_t rounds);
};

}  // namespace densor::cpu
