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
constexpr std::int64_t kAcrossTerms = 256, kPackedFloats = 262144;
// The same where rows of a are packed, a tile of which stays in L1; and what pays for it.
constexpr std::int64_t kPackedTerms = 512, kFewestRows = 64, kFewestColumns = 192;
// Bounds the time between two looks at the cancel flag.
constexpr std::int64_t kPanelsPerBlock = 64;
constexpr double kGigahertz = 3.0, kEfficiency = 0.8, kFloatsPerNanosecond = 20;

std::int64_t divide_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit; }
std::int64_t round_up(std::int64_t n, std::int64_t unit) { return divide_up(n, unit) * unit; }

// The widest tile that still holds all rows: few rows need many columns, few columns many rows, to have
// enough independent chains.
int tile_vectors(const GemmShape& shape, const GemmProblem& p, bool across) {
  if (across)
    return static_cast<int>(std::clamp<std::int64_t>(divide_up(p.n, shape.lanes), 1, shape.across_vectors));
  const bool in_place = !p.transpose_b;
  const int most = in_place ? shape.max_vectors : shape.max_packed_vectors;
  const std::int64_t rows = std::clamp<std::int64_t>(p.m, 1, shape.accumulators);
  const std::int64_t fitting = std::max<std::int64_t>(shape.max_packed_vectors, shape.accumulators / rows);
  return static_cast<int>(
      std::clamp<std::int64_t>(divide_up(p.n, shape.lanes), 1, std::min<std::int64_t>(fitting, most)));
}

// Matrix units: bytes of the packed rows of a and columns of b that are worked on at a time. A block of a
// and a panel of b share the L2 cache; b streams past the rows.
constexpr std::int64_t kUnitTerms = 2048, kUnitRowBytes = 786432, kUnitColumnBytes = 4194304;

// Times of one core, from which the plan chooses; bench/unit_costs.py measures them. The steps and the FMA
// kernel are figures of a 3.42 GHz Sapphire Rapids for packed operands, to be measured again with these
// kernels; packing and storing are those of these kernels on AVX-512.
struct UnitCost {
  const char* name;
  int terms;
  double step;     // ns: 16 x 16 elements of c, 32 terms
  double packing;  // ns: an element of a or b, split
};
constexpr UnitCost kUnitCosts[] = {{"x1", 1, 10.9, 0.11}, {"x3", 2, 20.5, 0.14}, {"x6", 3, 36.4, 0.18}};
constexpr double kUnitStoring = 0.2;  // ns: an element of c, through the square
constexpr double kFmaFlopsPerNanosecond = 180;
// Below this many terms the plain sum is as exact as the six products, if not more so.
constexpr std::int64_t kLeastTerms = 32;
// Rows that stand for those of all predictions, of which none may choose by its own: the height of a tile.
// Packing b for one row takes longer than multiplying by it; for hundreds it hardly counts.
constexpr std::int64_t kRowsOfPredictions = 16;

const UnitCost& unit_cost(int products) { return kUnitCosts[products == 1 ? 0 : products == 3 ? 1 : 2]; }

double estimate_units(const GemmProblem& p, int products) {
  constexpr std::int64_t kTile = 16;
  const UnitCost& cost = unit_cost(products);
  const auto steps =
      static_cast<double>(divide_up(p.m, kTile) * divide_up(p.n, kTile) * divide_up(p.k, kUnitSide));
  const auto m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  return steps * cost.step + (m * k + k * n) * cost.packing + m * n * kUnitStoring;
}

bool units_are_faster(const GemmProblem& p, int products) {
  const double elements = static_cast<double>(p.m) * static_cast<double>(p.n);
  const double fma =
      elements * (2 * static_cast<double>(p.k) / kFmaFlopsPerNanosecond + 1 / kFloatsPerNanosecond);
  return estimate_units(p, products) < fma;
}

// Multiply-adds are exact enough for every precision.
int choose_products(GemmProblem p, const GemmShape& shape) {
  if (!shape.matrix_units || p.precision == GemmPrecision::ieee) return 0;
  if (p.precision == GemmPrecision::x6) return 6;
  const int products = p.precision == GemmPrecision::medium ? 1 : p.precision == GemmPrecision::high ? 3 : 6;
  if (products == 6 && p.k < kLeastTerms) return 0;
  if (p.rows_vary)
    p.m = kRowsOfPredictions;
  else if (products < 6)
    return products;
  return units_are_faster(p, products) ? products : 0;
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

// By terms, what crosses between two workers is half of c; by columns or rows it is half of a and of b, which
// have been written by rows of b (the optimizer's blocks) since. Pays while b stays in the workers' caches.
bool shares_terms(const GemmProblem& p, int workers) {
  constexpr std::int64_t kCachedFloats = 400000;
  return workers == 2 && !p.transpose_a && !p.transpose_b && gemm_chains(p.k) == 2 && 2 * p.m <= p.k &&
         p.k * p.n <= kCachedFloats;
}

// Pays where a packed row serves many columns.
bool packs_rows(const GemmProblem& p, const GemmShape& shape) {
  return shape.packs_rows && p.n >= kFewestColumns && (p.transpose_a ? p.k : p.m) >= kFewestRows;
}

// Terms per pass: all, or equal parts.
std::int64_t terms_per_pass(std::int64_t k, std::int64_t most) {
  const std::int64_t passes = std::max<std::int64_t>(1, divide_up(k, most + most / 4));
  return std::max<std::int64_t>(1, round_up(divide_up(k, passes), passes > 1 ? kLine : 1));
}

// Columns whose panels L2 holds: all, or equal parts, since each of them packs the rows of a again.
std::int64_t columns_per_block(std::int64_t n, std::int64_t k_block, std::int64_t width) {
  const std::int64_t most = std::max<std::int64_t>(1, kPackedFloats / k_block / width) * width;
  return n > most ? round_up(divide_up(n, divide_up(n, most)), width) : most;
}

}  // namespace

int GemmPlan::terms() const { return products == 0 ? 0 : unit_cost(products).terms; }

// Matrix units: floats of so many rows of a or columns of b.
std::int64_t GemmPlan::packed_lines(std::int64_t lines) const {
  return round_up(lines, kUnitSide) * round_up(std::min(k_block, problem.k), kUnitSide) * terms() / 2;
}

std::int64_t GemmPlan::packed_panels() const {
  if (products > 0) return packed_b ? 0 : packed_lines(std::min(col_block, problem.n));
  if (packing == GemmPacking::none) return 0;
  const std::int64_t columns = keep_panels ? std::min(col_block, problem.n) : vectors * lanes;
  return k_block * round_up(columns, lanes);
}

// Packed rows are written by whole vectors, of which the last one ends beyond them.
std::int64_t GemmPlan::packed_floats() const {
  if (products > 0) return packed_panels() + kUnitRoom + packed_lines(std::min(row_block, problem.m));
  return packed_panels() + (packs_rows ? tile_rows * k_block + lanes : 0);
}

namespace {

// Whole tiles that take ten microseconds, where a worker's last pass is some twenty of them and more, and its
// panels are all packed. On matrix units, which read b faster than L3 delivers it, as many rows as L2 holds,
// in four blocks at least.
std::int64_t lent_rows(const GemmPlan& plan, int workers) {
  constexpr std::int64_t kLent = 1 << 20, kLeast = 1 << 25;  // multiply-adds: of a block, of the pass
  const bool streams_rows = plan.order == GemmOrder::tiles || plan.products > 0;
  if (workers == 1 || !streams_rows || !plan.keep_panels || plan.split == GemmSplit::terms) return 0;
  const bool by_rows = plan.split == GemmSplit::rows;
  const std::int64_t rows = plan.problem.m / (by_rows ? workers : 1);
  const std::int64_t cols = std::min(plan.col_block, plan.problem.n / (by_rows ? 1 : workers));
  const std::int64_t row = cols * plan.k_block;
  if (rows * row < kLeast) return 0;
  if (plan.products > 0) return std::min(plan.row_block, round_up(divide_up(rows, 4), plan.tile_rows));
  return divide_up(kLent, plan.tile_rows * row) * plan.tile_rows;
}

// Both operands are packed, b to stay for the next rows; a panel is as wide as two tiles.
GemmPlan plan_units(const GemmProblem& problem, int products, int workers) {
  GemmPlan plan;
  plan.problem = problem;
  plan.products = products;
  plan.lanes = static_cast<int>(kUnitSide) / 2;
  plan.vectors = 2;
  plan.tile_rows = static_cast<int>(kUnitSide);
  plan.split = choose_split(problem, plan.tile_rows, workers);
  plan.packing = problem.transpose_b ? GemmPacking::transpose : GemmPacking::copy;
  plan.keep_panels = true;
  plan.k_block = round_up(terms_per_pass(problem.k, kUnitTerms), kUnitSide);
  const std::int64_t bytes = plan.k_block * unit_cost(products).terms * 2;
  const auto lines = [&](std::int64_t budget) {
    return std::max<std::int64_t>(1, budget / bytes / kUnitSide) * kUnitSide;
  };
  plan.row_block = lines(kUnitRowBytes);
  plan.col_block = lines(kUnitColumnBytes);
  plan.nanoseconds = estimate_units(problem, products);
  plan.lent_rows = lent_rows(plan, workers);
  return plan;
}

}  // namespace

GemmPlan plan_gemm(const GemmProblem& problem, const GemmShape& shape, int workers) {
  if (const int products = choose_products(problem, shape); products > 0)
    return plan_units(problem, products, workers);
  GemmPlan plan;
  plan.problem = problem;
  plan.lanes = shape.lanes;
  plan.packs_rows = packs_rows(problem, shape);
  const bool across = problem.transpose_a || plan.packs_rows;
  plan.vectors = tile_vectors(shape, problem, across);
  plan.tile_rows = across && plan.vectors == shape.across_vectors
                       ? shape.across_rows
                       : std::max(1, std::min(shape.max_rows, shape.accumulators / plan.vectors));
  plan.split = choose_split(problem, plan.tile_rows, workers);
  if (shares_terms(problem, workers)) plan.split = GemmSplit::terms;
  const int width = plan.vectors * plan.lanes;
  if (problem.transpose_b)
    plan.packing = GemmPacking::transpose;
  else if (problem.m > plan.tile_rows)
    plan.packing = GemmPacking::copy;
  plan.col_block = kPanelsPerBlock * width;
  if (!problem.transpose_a && !problem.transpose_b) plan.chains = gemm_chains(problem.k);
  plan.k_block = std::max<std::int64_t>(1, problem.k);
  if (plan.packs_rows && !problem.transpose_a) {
    plan.order = GemmOrder::tiles;
    plan.k_block = plan.chains > 1 ? round_up(divide_up(problem.k, plan.chains), kLine)
                                   : terms_per_pass(problem.k, kPackedTerms);
    plan.col_block = columns_per_block(problem.n, plan.k_block, width);
  } else if (problem.transpose_a) {
    // The terms of a tile lie whole rows of a apart: few at a time, so that L2 holds them, and all panels
    // pass by.
    plan.order = GemmOrder::tiles;
    plan.k_block = terms_per_pass(problem.k, kAcrossTerms);
    if (plan.k_block * problem.n > kPackedFloats && kAcrossTerms * problem.n <= kPackedFloats)
      plan.k_block = kAcrossTerms;  // a shorter pass, of all columns
    plan.col_block = columns_per_block(problem.n, plan.k_block, width);
  } else if (plan.chains > 1) {
    plan.k_block = round_up(divide_up(problem.k, plan.chains), kLine);
  } else if (plan.packing != GemmPacking::none) {
    plan.k_block = terms_per_pass(problem.k, kPanelTerms);
  }
  plan.row_block =
      std::max<std::int64_t>(1, kRowBlockFloats / plan.k_block / plan.tile_rows) * plan.tile_rows;
  plan.keep_panels =
      plan.packing != GemmPacking::none && (plan.order == GemmOrder::tiles || plan.row_block < problem.m);
  plan.nanoseconds = estimate(problem, shape);
  plan.lent_rows = lent_rows(plan, workers);
  return plan;
}

GemmPlan with_packed_b(GemmPlan plan) {
  plan.packed_b = true;
  plan.col_block = std::max<std::int64_t>(1, plan.problem.n);
  return plan;
}

std::string to_string(const GemmPlan& plan) {
  constexpr const char* kPackings[] = {"in place", "copied", "transposed"};
  constexpr const char* kSplits[] = {"columns", "rows", "terms"};
  const GemmProblem& p = plan.problem;
  return "m=" + std::to_string(p.m) + " n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) +
         (p.transpose_a ? " a^T" : "") + (p.transpose_b ? " b^T" : "") + ": tile " +
         std::to_string(plan.tile_rows) + "x" + std::to_string(plan.vectors * plan.lanes) + ", blocks m " +
         std::to_string(plan.row_block) + " n " + std::to_string(plan.col_block) + " k " +
         std::to_string(plan.k_block) + (plan.chains > 1 ? " in chains" : "") + ", b " +
         (plan.packed_b ? "packed before" : kPackings[static_cast<int>(plan.packing)]) +
         (plan.keep_panels && !plan.packed_b ? " and kept" : "") + (plan.packs_rows ? ", a too" : "") +
         (plan.order == GemmOrder::panels ? ", panels outside" : ", tiles outside") + ", split by " +
         kSplits[static_cast<int>(plan.split)] +
         (plan.lent_rows > 0 ? ", lent by " + std::to_string(plan.lent_rows) + " rows, " : ", ") +
         (plan.products == 0 ? "fma" : unit_cost(plan.products).name);
}

}  // namespace densor::cpu
