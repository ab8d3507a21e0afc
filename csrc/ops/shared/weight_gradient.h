// The gradient of a dense layer's kernel or bias, computed where it is used up: block by block in a worker's
// scratch memory, so that it is never stored.
#pragma once

#include <algorithm>

#include "core/halves.h"
#include "core/worker.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/gemm.h"
#include "cpu/gemm/precision.h"

namespace densor::ops {

class WeightGradient {
 public:
  // dw (inputs, units) = x^T dz for a batch of `rows`. x null: the bias' gradient, the sums of dz's columns.
  // `stored` (inputs, units) takes the gradient where matrix units compute it, whose bits depend on the
  // blocks.
  WeightGradient(std::int64_t segment, float* stored, const float* x, const float* dz, std::int64_t rows,
                 std::int64_t inputs, std::int64_t units, int workers)
      : segment_(segment), stored_(stored), x_(x), dz_(dz), rows_(rows), inputs_(inputs), units_(units) {
    plan_ = cpu::plan_gemm({inputs, units, rows, true, false, cpu::matmul_precision()},
                           cpu::active().gemm.shape, workers);
    if (plan_.products > 0) return;
    // All terms in one pass, over as many columns as fit where the plan's fewer terms did.
    const std::int64_t width = plan_.vectors * plan_.lanes, terms = std::max<std::int64_t>(1, rows);
    plan_.col_block = std::max<std::int64_t>(1, plan_.col_block * plan_.k_block / terms / width) * width;
    plan_.k_block = terms;
  }

  std::int64_t segment() const { return segment_; }
  double nanoseconds() const { return plan_.nanoseconds; }
  // Of the sum of its squares, without the gradient.
  double norm_nanoseconds() const {
    constexpr double kProductsPerNanosecond = 20;
    const auto rows = static_cast<double>(rows_), width = static_cast<double>(inputs_ + units_);
    return x_ == nullptr ? 0.0 : 0.5 * rows * rows * width / kProductsPerNanosecond;
  }
  std::int64_t scratch() const {
    if (x_ == nullptr) return units_;
    return plan_.products > 0 ? plan_.packed_floats()
                              : packed() + std::max(kFloats, plan_.tile_rows * row_length(units_));
  }

  // A part of the variable: rows `ld` elements apart, from element `first` on, and its gradient g.
  struct Block {
    std::int64_t first, rows, cols, ld;
    const float* g;
    std::int64_t ldg;
  };

  // How many blocks two workers share out as they go; 0: each has its share.
  std::uint32_t taken_blocks() const {
    const bool by_rows = x_ != nullptr && plan_.products == 0 && plan_.split != cpu::GemmSplit::columns;
    return by_rows ? static_cast<std::uint32_t>(col_blocks() * row_blocks(units_)) : 0;
  }

  // f(block) for every block of this worker's share.
  template <class F>
  void each_block(const cpu::Kernels& kernels, Worker& worker, F f) const {
    if (x_ != nullptr && plan_.products > 0) {
      f(on_matrix_units(kernels, worker));
      return;
    }
    Range rows{0, inputs_}, cols{0, units_};
    if (x_ == nullptr || plan_.split == cpu::GemmSplit::columns)
      cols = worker.split(units_, kLine);
    else
      rows = worker.split(inputs_, kRowUnit);
    if (rows.empty() || cols.empty()) return;
    if (x_ == nullptr) {
      kernels.column_sum(worker.scratch(), dz_ + cols.begin, rows_, cols.size(), units_);
      f(Block{cols.begin, 1, cols.size(), units_, worker.scratch(), 0});
      return;
    }
    each_row_block(kernels, worker.scratch(), rows, cols, f);
  }

  // f(block) for every block that this worker takes of `halves`, which have been reset to `taken_blocks`.
  template <class F>
  void each_block(const cpu::Kernels& kernels, Worker& worker, Halves& halves, F f) const {
    const std::int64_t height = block_rows(std::min(plan_.col_block, units_)), down = row_blocks(units_);
    std::int64_t packed = -1;
    for (std::int64_t n; (n = halves.take(worker.index())) >= 0;) {
      const std::int64_t i = n % down * height, j = n / down * plan_.col_block;
      f(row_block(kernels, worker.scratch(), {i, std::min(i + height, inputs_)},
                  {j, std::min(j + plan_.col_block, units_)}, packed == j));
      packed = j;
    }
  }

  // The sum of the squares of the gradient is that of so many parts; their order depends on the shape only.
  std::int64_t norm_parts() const {
    return x_ == nullptr ? (units_ + kFloats - 1) / kFloats : cpu::gram_tiles(rows_);
  }
  // One of them, in double: of a kernel by the Gram matrices of x and dz, of a bias by the sums themselves.
  double squares(const cpu::Kernels& kernels, float* scratch, std::int64_t part) const {
    if (x_ != nullptr) return kernels.gram_norm({x_, dz_, rows_, inputs_, units_}, part);
    const std::int64_t begin = part * kFloats, size = std::min(kFloats, units_ - begin);
    kernels.column_sum(scratch, dz_ + begin, rows_, size, units_);
    return kernels.sum_of_squares(scratch, size);
  }
  // The whole of it, on one worker, from the gradient's elements; on matrix units from the parts.
  double squares(const cpu::Kernels& kernels, float* scratch) const {
    double sum = 0.0;
    if (x_ == nullptr || plan_.products > 0) {
      for (std::int64_t part = 0; part < norm_parts(); ++part) sum += squares(kernels, scratch, part);
      return sum;
    }
    each_row_block(kernels, scratch, {0, inputs_}, {0, units_}, [&](const Block& block) {
      for (std::int64_t i = 0; i < block.rows; ++i)
        sum += kernels.sum_of_squares(block.g + i * block.ldg, block.cols);
    });
    return sum;
  }

 private:
  static constexpr std::int64_t kFloats = 4096;  // floats: in L1 beside the operands

  static std::int64_t row_length(std::int64_t cols) { return (cols + kLine - 1) / kLine * kLine; }
  // Of a block with so many columns: what keeps it in L1.
  std::int64_t block_rows(std::int64_t cols) const {
    return std::max<std::int64_t>(1, kFloats / row_length(cols) / plan_.tile_rows) * plan_.tile_rows;
  }
  std::int64_t row_blocks(std::int64_t cols) const {
    const std::int64_t height = block_rows(std::min(plan_.col_block, cols));
    return (inputs_ + height - 1) / height;
  }
  std::int64_t col_blocks() const { return (units_ + plan_.col_block - 1) / plan_.col_block; }
  std::int64_t packed() const { return row_length(plan_.packed_floats()); }

  Block on_matrix_units(const cpu::Kernels& kernels, Worker& worker) const {
    cpu::run_gemm(kernels, plan_, {stored_, x_, dz_}, {}, worker, cpu::Cancelling::ignored);
    const auto [rows, cols] = cpu::share_of(plan_, worker.index(), worker.count());
    const std::int64_t first = rows.begin * units_ + cols.begin;
    return {first, rows.size(), cols.size(), units_, stored_ + first, units_};
  }

  template <class F>
  void each_row_block(const cpu::Kernels& kernels, float* scratch, Range rows, Range cols, F f) const {
    for (std::int64_t j = cols.begin; j < cols.end; j += plan_.col_block) {
      const Range some{j, std::min(j + plan_.col_block, cols.end)};
      const std::int64_t height = block_rows(some.size());
      for (std::int64_t i = rows.begin; i < rows.end; i += height)
        f(row_block(kernels, scratch, {i, std::min(i + height, rows.end)}, some, i > rows.begin));
    }
  }

  // `packed_before`: these columns of dz, in this scratch memory.
  Block row_block(const cpu::Kernels& kernels, float* scratch, Range rows, Range cols,
                  bool packed_before) const {
    cpu::GemmBlock block{};
    block.c = scratch + packed();
    block.ldc = row_length(cols.size());
    block.a_row = 1;
    block.a_k = inputs_;
    block.b = dz_ + cols.begin;
    block.ldb = units_;
    block.cols = cols.size();
    block.k = rows_;
    block.vectors = plan_.vectors;
    block.tile_rows = plan_.tile_rows;
    block.packing = plan_.packing;
    block.order = plan_.order;
    block.packed = scratch;
    block.packed_rows = plan_.packs_rows ? scratch + plan_.packed_panels() : nullptr;
    block.panel_terms = plan_.keep_panels ? rows_ : 0;
    block.a = x_ + rows.begin;
    block.rows = rows.size();
    block.packed_before = packed_before;
    kernels.gemm.block(block);
    return {rows.begin * units_ + cols.begin, block.rows, cols.size(), units_, block.c, block.ldc};
  }

  std::int64_t segment_;
  float* stored_;
  const float *x_, *dz_;
  std::int64_t rows_, inputs_, units_;
  cpu::GemmPlan plan_;
};

}  // namespace densor::ops
