#include "cpu/gemm/gemm.h"

#include <algorithm>
#include <limits>

#include "cpu/gemm/parts.h"

namespace densor::cpu {

namespace {

// Element n of an array of float32, or of bfloat16 behind the same pointer.
const float* element(const float* p, std::int64_t n, bool half) {
  return half ? reinterpret_cast<const float*>(reinterpret_cast<const std::uint16_t*>(p) + n) : p + n;
}
float* element(float* p, std::int64_t n, bool half) {
  return half ? reinterpret_cast<float*>(reinterpret_cast<std::uint16_t*>(p) + n) : p + n;
}

class Run {
 public:
  Run(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands, const GemmFinish& finish,
      Worker& worker, Cancelling cancelling)
      : kernels_(kernels),
        plan_(plan),
        o_(operands),
        finish_(finish),
        worker_(worker),
        cancelling_(cancelling),
        c_(operands.c) {
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
    const bool packs_rows = plan.packs_rows || plan.products > 0;
    block_.packed_rows = packs_rows ? worker.scratch() + plan.packed_panels() : nullptr;
    block_.products = plan.products;
    block_.halves = operands.halves;
    block_.ranges = ranges_;
    fused_ = finish.z == nullptr &&
             (finish.activation == math::Activation::linear || finish.activation == math::Activation::relu);
  }

  // `mine`: where other workers see what is left of it; null: nowhere.
  void share(const GemmShare& part, GemmPart* mine) {
    if (part.rows.empty()) return;
    for (std::int64_t j = part.cols.begin; j < part.cols.end; j += plan_.col_block) {
      const Range cols{j, std::min(j + plan_.col_block, part.cols.end)};
      columns(part.rows, cols, cols.end == part.cols.end ? mine : nullptr);
    }
  }

  // Takes over blocks of what is left to another worker.
  void help(const GemmShare& part, GemmPart& other) {
    const std::int64_t before = (part.cols.size() - 1) / plan_.col_block * plan_.col_block;
    const Range some = last_terms();
    block_.packed_before = true;
    for (std::int64_t i; (i = other.borrow()) >= 0; other.give_back()) {
      block_.packed = other.panels();
      std::copy_n(other.ranges(), 2, ranges_);
      multiply(lent(part.rows, i), {part.cols.begin + before, part.cols.end}, some, true);
    }
  }

  // One chain, into `c`.
  void chain(int index, float* c) {
    const Range all{0, plan_.problem.n};
    c_ = c;
    fused_ = false;
    for (std::int64_t j = 0; j < all.end; j += plan_.col_block)
      pass({0, plan_.problem.m}, {j, std::min(j + plan_.col_block, all.end)}, terms(index), false);
  }

  // What is left to do for columns whose two chains lie in c and `partial`.
  void join(Range cols, const float* partial) {
    const std::int64_t ld = block_.ldc;
    for (std::int64_t i = 0; i < plan_.problem.m; ++i) {
      float* row = o_.c + i * ld + cols.begin;
      kernels_.floats.add(row, row, partial + i * ld + cols.begin, cols.size());
    }
    activate({0, plan_.problem.m}, cols);
  }

 private:
  // The terms of a pass.
  Range terms(std::int64_t index) const {
    const std::int64_t k = plan_.problem.k;
    if (plan_.chains > 1) return densor::share(k, kLine, static_cast<int>(index), plan_.chains);
    return {index * plan_.k_block, std::min((index + 1) * plan_.k_block, k)};
  }

  void columns(Range rows, Range cols, GemmPart* mine) {
    ranges_[0] = ranges_[1] = {std::numeric_limits<float>::infinity(), 0.0f};
    if (plan_.packed_b)
      ranges_[1] = range_of_panels(o_.packed_b, cols.begin / kUnitSide, unit_squares(cols.end),
                                   unit_squares(plan_.problem.k));
    std::int64_t index = 0;
    Range some = terms(index);
    for (; some.end < plan_.problem.k; some = terms(++index)) pass(rows, cols, some, true);
    if (mine != nullptr)
      last_pass(rows, cols, some, *mine);
    else
      pass(rows, cols, some, true);  // even for k == 0, whose sums are empty
  }

  Range last_terms() const {
    std::int64_t index = 0;
    while (terms(index).end < plan_.problem.k) ++index;
    return terms(index);
  }

  // Block i of those in which other workers may take over some of the rows.
  Range lent(Range rows, std::int64_t i) const {
    const Parts parts(rows.size(), plan_.lent_rows);
    return {rows.begin + parts.begin(i), rows.begin + parts.begin(i + 1)};
  }

  // The first block packs the panels that the others read, whoever computes them.
  void last_pass(Range rows, Range cols, Range some, GemmPart& mine) {
    block_.packed_before = false;
    multiply(lent(rows, 0), cols, some, true);
    block_.packed_before = true;
    mine.open(block_.packed, ranges_, 1, Parts(rows.size(), plan_.lent_rows).count());
    for (std::int64_t i; (i = mine.take()) >= 0;) {
      if (cancelling_ == Cancelling::obeyed && worker_.cancelled()) break;
      multiply(lent(rows, i), cols, some, true);
    }
    mine.close();
  }

  void pass(Range rows, Range cols, Range some, bool finishes) {
    for (std::int64_t i = rows.begin; i < rows.end; i += plan_.row_block) {
      if (cancelling_ == Cancelling::obeyed && worker_.cancelled()) return;
      block_.packed_before = plan_.keep_panels && i > rows.begin;
      multiply({i, std::min(i + plan_.row_block, rows.end)}, cols, some, finishes);
    }
  }

  void multiply(Range rows, Range cols, Range terms, bool finishes) {
    const GemmEpilogue epilogue = epilogue_of(rows, cols);
    const GemmProblem& problem = plan_.problem;
    const bool last = finishes && terms.end == problem.k;
    block_.c = element(c_, rows.begin * block_.ldc + cols.begin, half_c());
    block_.a =
        element(o_.a, rows.begin * block_.a_row + terms.begin * block_.a_k, o_.halves != GemmHalves::none);
    block_.b = element(
        o_.b,
        problem.transpose_b ? cols.begin * block_.ldb + terms.begin : terms.begin * block_.ldb + cols.begin,
        o_.halves == GemmHalves::a_and_b);
    block_.rows = rows.size();
    block_.cols = cols.size();
    block_.k = terms.size();
    block_.panel_terms = plan_.keep_panels ? terms.size() : 0;
    block_.accumulate = terms.begin > 0 && plan_.chains == 1;
    block_.join = terms.begin > 0 && plan_.chains > 1 && finishes;
    block_.before = terms.begin;
    block_.epilogue = last ? &epilogue : nullptr;
    if (plan_.packed_b) place_packed(cols.begin, terms.begin);
    (plan_.products > 0 ? kernels_.gemm.units.block : kernels_.gemm.block)(block_);
    if (last && !fused_ && !half_c()) activate(rows, cols);
    if (last && !has_relu_slope() && finish_.slope.saved != nullptr) multiply_by_slope(rows, cols);
  }

  // Points the block at the panels of b from a column on, and in them at the blocks from a term on.
  void place_packed(std::int64_t column, std::int64_t term) {
    const std::int64_t block_bytes = plan_.terms() * kTermBytes;
    block_.panel_bytes = unit_squares(plan_.problem.k) * block_bytes;
    block_.packed_b =
        o_.packed_b.tiles + column / kUnitSide * block_.panel_bytes + term / kUnitSide * block_bytes;
    block_.upper_half = column % kUnitSide != 0;
  }

  bool half_c() const { return o_.halves == GemmHalves::a_and_c; }
  bool has_relu_slope() const { return finish_.slope.activation == math::Activation::relu; }

  // What is done with tiles of c that are finished, before others take their place.
  GemmEpilogue epilogue_of(Range rows, Range cols) const {
    const std::int64_t offset = rows.begin * block_.ldc + cols.begin;
    const bool in_tiles = fused_ || half_c();
    GemmEpilogue e;
    e.bias = in_tiles && finish_.bias != nullptr ? finish_.bias + cols.begin : nullptr;
    e.relu = fused_ && finish_.activation == math::Activation::relu;
    if (half_c() && !fused_) {
      e.activate = kernels_.halves.activation.of_sums;
      e.activation = finish_.activation;
      e.alpha = finish_.alpha;
      e.z = finish_.z != nullptr ? reinterpret_cast<std::uint16_t*>(finish_.z) + offset : nullptr;
    }
    const GemmSlope& slope = finish_.slope;
    e.mask_words = mask_words(plan_.problem.n);
    e.mask = slope.mask != nullptr ? slope.mask + rows.begin * e.mask_words + cols.begin / kLine : nullptr;
    e.scale = slope.scale;
    e.y = has_relu_slope() ? element(slope.saved, offset, half_c()) : nullptr;
    return e;
  }

  // The other derivatives, over a block that has just been written.
  void multiply_by_slope(Range rows, Range cols) const {
    const std::int64_t ld = block_.ldc, offset = rows.begin * ld + cols.begin;
    const GemmSlope& slope = finish_.slope;
    kernels_.floats.activation.backward(o_.c + offset, o_.c + offset, slope.saved + offset, rows.size(),
                                        cols.size(), ld, ld, ld, slope.activation, slope.alpha);
  }

  void activate(Range rows, Range cols) {
    const std::int64_t ld = block_.ldc, offset = rows.begin * ld + cols.begin;
    kernels_.floats.activation.forward(
        o_.c + offset, finish_.z != nullptr ? finish_.z + offset : nullptr, o_.c + offset,
        finish_.bias != nullptr ? finish_.bias + cols.begin : nullptr, rows.size(), cols.size(), ld, ld, ld,
        finish_.activation, finish_.alpha);
  }

  const Kernels& kernels_;
  const GemmPlan& plan_;
  const GemmOperands& o_;
  const GemmFinish& finish_;
  Worker& worker_;
  Cancelling cancelling_;
  GemmBlock block_{};
  GemmRange ranges_[2];
  float* c_;
  bool fused_;
};

}  // namespace

GemmShare share_of(const GemmPlan& plan, int worker, int workers) {
  const Range rows{0, plan.problem.m}, cols{0, plan.problem.n};
  if (plan.split != GemmSplit::rows) return {rows, densor::share(cols.end, kLine, worker, workers)};
  return {densor::share(rows.end, plan.problem.transpose_a ? plan.tile_rows : kRowUnit, worker, workers),
          cols};
}

void run_gemm(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish, Worker& worker, Cancelling cancelling, GemmSharing* sharing) {
  const int index = worker.index(), count = worker.count();
  const bool helps = plan.lent_rows > 0 && sharing != nullptr && sharing->holds(count);
  Run run(kernels, plan, operands, finish, worker, cancelling);
  run.share(share_of(plan, index, count), helps ? &sharing->of(index) : nullptr);
  if (!helps) return;
  for (int i = 1; i < count; ++i) {
    const int other = (index + i) % count;
    run.help(share_of(plan, other, count), sharing->of(other));
  }
}

void run_gemm_by_terms(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
                       const GemmFinish& finish, float* partial, Worker& worker) {
  Run run(kernels, plan, operands, finish, worker, Cancelling::obeyed);
  run.chain(worker.index(), worker.index() == 0 ? operands.c : partial);
  worker.barrier();
  run.join(worker.split(plan.problem.n, kLine), partial);
}

}  // namespace densor::cpu
