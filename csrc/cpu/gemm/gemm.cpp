#include "cpu/gemm/gemm.h"

#include <algorithm>
#include <limits>

namespace densor::cpu {

namespace {

class Run {
 public:
  Run(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands, const GemmFinish& finish,
      Worker& worker)
      : kernels_(kernels), plan_(plan), o_(operands), finish_(finish), worker_(worker) {
    const GemmProblem& p = plan.problem;
    block_.ldc = p.n;
    block_.a_row = p.transpose_a ? 1 : p.k;
    block_.a_k = p.transpose_a ? p.m : 1;
    block_.ldb = p.transpose_b ? p.k : p.n;
    block_.vectors = plan.vectors;
    block_.tile_rows = plan.tile_rows;
    block_.packing = plan.packing;
    block_.order = plan.order;
    block_.packed = plan.packing == GemmPacking::none ? nullptr : worker.scratch();
    block_.products = plan.products;
    block_.ranges = ranges_;
    fused_ = finish.z == nullptr &&
             (finish.activation == math::Activation::linear || finish.activation == math::Activation::relu);
  }

  void share(Range rows, Range cols) {
    if (rows.empty()) return;
    for (std::int64_t j = cols.begin; j < cols.end; j += plan_.col_block)
      columns(rows, {j, std::min(j + plan_.col_block, cols.end)});
  }

 private:
  void columns(Range rows, Range cols) {
    const std::int64_t k = plan_.problem.k;
    ranges_[0] = ranges_[1] = {std::numeric_limits<float>::infinity(), 0.0f};
    std::int64_t p = 0;
    do {  // once even for k == 0, whose sums are empty
      const std::int64_t end = std::min(p + plan_.k_block, k);
      for (std::int64_t i = rows.begin; i < rows.end; i += plan_.row_block) {
        if (worker_.cancelled()) return;
        block_.packed_before = plan_.keep_panels && i > rows.begin;
        multiply({i, std::min(i + plan_.row_block, rows.end)}, cols, {p, end});
      }
      p = end;
    } while (p < k);
  }

  void multiply(Range rows, Range cols, Range terms) {
    const GemmEpilogue epilogue{
        fused_ && finish_.bias != nullptr ? finish_.bias + cols.begin : nullptr,
        fused_ && finish_.activation == math::Activation::relu,
    };
    const GemmProblem& problem = plan_.problem;
    const bool last = terms.end == problem.k;
    block_.c = o_.c + rows.begin * block_.ldc + cols.begin;
    block_.a = o_.a + rows.begin * block_.a_row + terms.begin * block_.a_k;
    block_.b = o_.b + (problem.transpose_b ? cols.begin * block_.ldb + terms.begin
                                           : terms.begin * block_.ldb + cols.begin);
    block_.rows = rows.size();
    block_.cols = cols.size();
    block_.k = terms.size();
    block_.panel_terms = plan_.keep_panels ? terms.size() : 0;
    block_.accumulate = terms.begin > 0;
    block_.before = terms.begin;
    block_.epilogue = last ? &epilogue : nullptr;
    (plan_.products > 0 ? kernels_.gemm.units.block : kernels_.gemm.block)(block_);
    if (last && !fused_) activate(rows, cols);
  }

  void activate(Range rows, Range cols) {
    const std::int64_t ld = block_.ldc, offset = rows.begin * ld + cols.begin;
    kernels_.activation_forward(o_.c + offset, finish_.z != nullptr ? finish_.z + offset : nullptr,
                                o_.c + offset, finish_.bias != nullptr ? finish_.bias + cols.begin : nullptr,
                                rows.size(), cols.size(), ld, ld, ld, finish_.activation, finish_.alpha);
  }

  const Kernels& kernels_;
  const GemmPlan& plan_;
  const GemmOperands& o_;
  const GemmFinish& finish_;
  Worker& worker_;
  GemmBlock block_{};
  GemmRange ranges_[2];
  bool fused_;
};

}  // namespace

void run_gemm(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish, Worker& worker) {
  Range rows{0, plan.problem.m}, cols{0, plan.problem.n};
  if (plan.split == GemmSplit::columns)
    cols = worker.split(plan.problem.n, kLine);
  else
    rows = worker.split(plan.problem.m, plan.tile_rows);
  Run(kernels, plan, operands, finish, worker).share(rows, cols);
}

}  // namespace densor::cpu
