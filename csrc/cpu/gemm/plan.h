// The plan of a matrix product: how it is blocked, packed and shared out. A pure function of the problem and
// the target's shape, and printable. `products` decides the bits of the result; they depend on m, n and k,
// on the precision asked for, and where the rows vary (predictions) not on m. No other choice changes a bit:
// whatever the plan, an element is one chain of additions in ascending k, or, by multiply-adds and where
// neither operand is transposed, gemm_chains(k) of them.
#pragma once

#include <cstdint>
#include <string>

#include "cpu/gemm/kernel.h"
#include "cpu/gemm/problem.h"

namespace densor::cpu {

enum class GemmSplit { columns, rows, terms };

struct GemmPlan {
  GemmProblem problem;
  int products = 0;                      // on the matrix units, for one of float32; 0: multiply-adds
  GemmSplit split = GemmSplit::columns;  // what the workers share out
  int lanes = 1;
  int vectors = 1, tile_rows = 1;  // the micro-kernel: tile_rows x (vectors * lanes)
  GemmPacking packing = GemmPacking::none;
  GemmOrder order = GemmOrder::panels;
  bool packs_rows = false;   // a tile of a is packed, too, for all panels of its block
  bool keep_panels = false;  // packed panels stay, for the next tile or block of rows
  bool packed_b = false;     // matrix units: b was packed before (cpu/gemm/packed_weights.h)
  std::int64_t row_block = 1, col_block = 1, k_block = 1;  // rows of a, columns of b, terms per pass
  int chains = 1;                                          // more than one: a pass each
  std::int64_t lent_rows =
      0;                   // that a worker takes over from another at a time (cpu/gemm/sharing.h); 0: none
  double nanoseconds = 0;  // on one thread

  bool one_pass() const { return k_block >= problem.k; }  // an element of c is written once
  int terms() const;                   // matrix units: bfloat16 terms of an element; 0: multiply-adds
  std::int64_t packed_panels() const;  // floats of packed b
  std::int64_t packed_floats() const;  // scratch memory of each worker

 private:
  std::int64_t packed_lines(std::int64_t lines) const;
};

GemmPlan plan_gemm(const GemmProblem& problem, const GemmShape& shape, int workers);

// The same on matrix units, with b packed before: its columns all pass by the packed rows.
GemmPlan with_packed_b(GemmPlan plan);

// "m=32 n=300 k=784: tile 8x48, blocks m 256 n 3072 k 784, b copied, panels outside, split by columns, fma"
std::string to_string(const GemmPlan& plan);

}  // namespace densor::cpu
