#include "cpu/gemm/plan.h"

#include <algorithm>

#include "core/worker.h"
#include "cpu/share.h"

namespace densor::cpu {

namespace {

// Floats: a panel of b and a block of a share the L2 cache (measured: one pass over long panels beats short
// ones that fit L1, whose every pass reads and writes c again).
constexpr std::int64_t kPanelTerms = 1024, kRowBlockFloats = 262144;
// The same where a is transposed: terms, and floats of packed b.
constexpr std::int64_t kAcrossTerms = 256, kPackedFloats = 131072;
// Bounds the time between two looks at the cancel flag.
constexpr std::int64_t kPanelsPerBlock = 64;
constexpr double kGigahertz = 3.0, kEfficiency = 0.8, kFloatsPerNanosecond = 20;

std::int64_t divide_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit; }
std::int64_t round_up(std::int64_t n, std::int64_t unit) { return divide_up(n, unit) * unit; }

// The widest tile that still holds all rows: few rows need many columns, few columns many rows, to have
// enough independent chains.
int tile_vectors(const GemmShape& shape, const GemmProblem& p) {
  const bool in_place = !p.transpose_a && !p.transpose_b;
  const int most = in_place ? shape.max_vectors : shape.max_packed_vectors;
  const std::int64_t rows = std::clamp<std::int64_t>(p.m, 1, shape.accumulators);
  const std::int64_t fitting = std::max<std::int64_t>(shape.max_packed_vectors, shape.accumulators / rows);
  return static_cast<int>(
      std::clamp<std::int64_t>(divide_up(p.n, shape.lanes), 1, std::min<std::int64_t>(fitting, most)));
}

double estimate(const GemmProblem& p, const GemmShape& shape) {
  const auto m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  const double arithmetic = 2 * m * n * k / (shape.flops_per_cycle * kGigahertz * kEfficiency);
  return arithmetic + (m * k + k * n + m * n) / kFloatsPerNanosecond;
}

// How much of the workers' time is used when `parts` equal parts are dealt out.
double balance(std::int64_t parts, int workers) {
  const std::int64_t rounds = std::max<std::int64_t>(1, divide_up(parts, workers));
  return static_cast<double>(parts) / static_cast<double>(rounds * workers);
}

// Columns keep a layer's data with its worker and let each pack only its own share of b. Rows where columns
// are few (elementwise ops do the same, cpu/share.h), and for the transpose of a, whose products (weight
// gradients) are stored and used by rows.
GemmSplit choose_split(const GemmProblem& p, int tile_rows, int workers) {
  constexpr double kFair = 0.8;
  const double columns = balance(divide_up(p.n, kLine), workers),
               rows = balance(divide_up(p.m, tile_rows), workers);
  const bool by_rows = p.transpose_a         ? rows >= kFair
                       : p.n < kLocalColumns ? rows >= columns
                                             : columns < kFair && rows > columns;
  return by_rows && workers > 1 ? GemmSplit::rows : GemmSplit::columns;
}

// Terms per pass: all, or equal parts.
std::int64_t terms_per_pass(std::int64_t k, std::int64_t most) {
  const std::int64_t passes = std::max<std::int64_t>(1, divide_up(k, most + most / 4));
  return std::max<std::int64_t>(1, round_up(divide_up(k, passes), passes > 1 ? kLine : 1));
}

}  // namespace

std::int64_t GemmPlan::packed_floats() const {
  if (packing == GemmPacking::none) return 0;
  const std::int64_t columns = keep_panels ? std::min(col_block, problem.n) : vectors * lanes;
  return k_block * round_up(columns, lanes);
}

GemmPlan plan_gemm(const GemmProblem& problem, const GemmShape& shape, int workers) {
  GemmPlan plan;
  plan.problem = problem;
  plan.lanes = shape.lanes;
  plan.vectors = tile_vectors(shape, problem);
  plan.tile_rows = std::max(1, std::min(shape.max_rows, shape.accumulators / plan.vectors));
  plan.split = choose_split(problem, plan.tile_rows, workers);
  const int width = plan.vectors * plan.lanes;
  if (problem.transpose_b)
    plan.packing = GemmPacking::transpose;
  else if (problem.m > plan.tile_rows)
    plan.packing = GemmPacking::copy;
  plan.col_block = kPanelsPerBlock * width;
  plan.k_block = std::max<std::int64_t>(1, problem.k);
  if (problem.transpose_a) {
    // The terms of a tile lie whole rows of a apart: few at a time, so that L2 holds them, and all panels
    // pass by.
    plan.order = GemmOrder::tiles;
    plan.k_block = terms_per_pass(problem.k, kAcrossTerms);
    plan.col_block = std::max<std::int64_t>(1, kPackedFloats / plan.k_block / width) * width;
  } else if (plan.packing != GemmPacking::none) {
    plan.k_block = terms_per_pass(problem.k, kPanelTerms);
  }
  plan.row_block =
      std::max<std::int64_t>(1, kRowBlockFloats / plan.k_block / plan.tile_rows) * plan.tile_rows;
  plan.keep_panels =
      plan.packing != GemmPacking::none && (plan.order == GemmOrder::tiles || plan.row_block < problem.m);
  plan.nanoseconds = estimate(problem, shape);
  return plan;
}

std::string to_string(const GemmPlan& plan) {
  constexpr const char* kPackings[] = {"in place", "copied", "transposed"};
  const GemmProblem& p = plan.problem;
  return "m=" + std::to_string(p.m) + " n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) +
         (p.transpose_a ? " a^T" : "") + (p.transpose_b ? " b^T" : "") + ": tile " +
         std::to_string(plan.tile_rows) + "x" + std::to_string(plan.vectors * plan.lanes) + ", blocks m " +
         std::to_string(plan.row_block) + " n " + std::to_string(plan.col_block) + " k " +
         std::to_string(plan.k_block) + ", b " + kPackings[static_cast<int>(plan.packing)] +
         (plan.keep_panels ? " and kept" : "") +
         (plan.order == GemmOrder::panels ? ", panels outside" : ", tiles outside") + ", split by " +
         (plan.split == GemmSplit::columns ? "columns" : "rows") + ", ieee";
}

}  // namespace densor::cpu
