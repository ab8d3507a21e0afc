#include "cuda/gemm/plan.h"

#include <algorithm>
#include <cmath>

#include "cuda/gemm/terms.h"

namespace densor::cuda {

namespace {

constexpr int kWgmma = 90;  // the only one that has wgmma
constexpr int kMostParts = 16;
constexpr std::int64_t kLeastTerms = 256;  // of a part of k

// A GPU of an architecture as the estimates see it: what its kernels reach where the work fills it.
struct Device {
  double processors;
  double multiply_adds, mma, wgmma;  // TFLOP/s
  double bandwidth;                  // TB/s
};

constexpr Device device_of(int architecture) {
  if (architecture < 80) return {40, 6, 0, 0, 0.25};      // T4
  if (architecture < 90) return {108, 14, 120, 0, 1.3};   // A100
  if (architecture == 90) return {132, 40, 250, 650, 4};  // H200
  return {148, 50, 300, 0, 6};
}

constexpr double kLaunch = 3;  // microseconds of a kernel that is next to nothing

double flops(const GemmProblem& p) {
  return 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

// Microseconds of `tiles` tiles of rows x cols x terms at a rate of the whole device.
double tiled(const Device& device, double tiles, double rows, double cols, double terms, double rate) {
  const double waves = std::ceil(tiles / device.processors);
  return waves * 2 * rows * cols * terms * device.processors / (rate * 1e6);
}

double tiles_of(const GemmProblem& p, int rows, int cols) {
  return static_cast<double>(wgmma_tiles(p.m, rows) * wgmma_tiles(p.n, cols));
}

double wgmma_microseconds(const GemmPlan& plan, const Device& device) {
  const GemmProblem& p = plan.problem;
  const WgmmaTiling& t = plan.tiling;
  // Narrow tiles load more than they multiply.
  const double rate = device.wgmma / t.products * (t.cols == 64 ? 0.75 : t.cols == 128 ? 1.0 : 1.15);
  const double partial = t.parts > 1 ? static_cast<double>(2 * t.parts * p.m * p.n) : 0;
  const double packed = static_cast<double>(wgmma_scratch(p, {t.products, t.cols, 1}));
  const double read = static_cast<double>(p.m * p.k + p.k * p.n);
  const double bytes = 4 * (partial + packed + read);
  return kLaunch * (t.parts > 1 ? 3 : 2) + bytes / (device.bandwidth * 1e6) +
         tiled(device, tiles_of(p, kWgmmaRows, t.cols) * t.parts, kWgmmaRows, t.cols,
               static_cast<double>(p.k) / t.parts, rate);
}

std::vector<int> products_of(GemmPrecision precision, int architecture) {
  if (architecture < kMatrixUnits) return {0};
  switch (precision) {
    case GemmPrecision::multiply_adds:
    case GemmPrecision::tf32:
      return {0};
    case GemmPrecision::x1:
      return {1};
    case GemmPrecision::x3:
      return {3};
    case GemmPrecision::x6:
      return {6};
    case GemmPrecision::fastest_exact:
      break;
  }
  return {0, 6};
}

// Parts of k worth a try: one, and what fills the processors as often as once.
std::vector<int> parts_of(const GemmProblem& p, int cols, double processors) {
  std::vector<int> found{1};
  const double tiles = tiles_of(p, kWgmmaRows, cols);
  for (int parts = 2; parts <= kMostParts && p.k / parts >= kLeastTerms; ++parts)
    if (tiles * parts <= processors) found.push_back(parts);
  return found;
}

bool chosen(const GemmPlan& plan, const GemmChoice& choice) {
  if (!choice.kernel.empty() && choice.kernel != kGemmKernelNames[static_cast<int>(plan.kernel)])
    return false;
  if (plan.kernel != GemmKernel::wgmma) return true;
  return (choice.cols == 0 || choice.cols == plan.tiling.cols) &&
         (choice.parts == 0 || choice.parts == plan.tiling.parts);
}

void add_wgmma(std::vector<GemmPlan>& plans, const GemmProblem& p, int products, const GemmChoice& choice) {
  for (const int cols : {64, 128, 256}) {
    if (cols == 256 && products != 1) continue;
    std::vector<int> parts = parts_of(p, cols, device_of(kWgmma).processors);
    if (choice.parts > 1 && choice.parts <= wgmma_blocks(p.k, products)) parts = {choice.parts};
    for (const int count : parts) plans.push_back({p, products, GemmKernel::wgmma, {products, cols, count}});
  }
}

}  // namespace

std::int64_t GemmPlan::scratch() const {
  if (kernel == GemmKernel::wgmma) return wgmma_scratch(problem, tiling);
  return rounds ? problem.m * problem.n : 0;
}

std::int64_t GemmPlan::moment_rows() const {
  if (problem.transpose_a || problem.transpose_b || gemm_tiles(problem, 1, 1) == 0) return 0;
  switch (kernel) {
    case GemmKernel::simt:
      return simt_tile(problem);
    case GemmKernel::mma:
    case GemmKernel::tf32:
      return kMmaRows;
    case GemmKernel::wgmma:
      return tiling.parts == 1 ? kWgmmaRows : 0;  // who adds the parts has no tile
    case GemmKernel::cublaslt:
      break;
  }
  return 0;
}

std::int64_t GemmPlan::square_sums() const {
  if (!problem.transpose_a || problem.transpose_b) return 0;
  switch (kernel) {
    case GemmKernel::simt:
      return gemm_tiles(problem, simt_tile(problem), simt_tile(problem));
    case GemmKernel::mma:
    case GemmKernel::tf32:
      return gemm_tiles(problem, kMmaRows, kMmaCols);
    case GemmKernel::wgmma:
      return tiling.parts == 1 ? gemm_tiles(problem, kWgmmaRows, tiling.cols)
                               : part_blocks(problem.m * problem.n);
    case GemmKernel::cublaslt:
      break;
  }
  return 0;
}

std::vector<GemmPlan> gemm_candidates(const GemmProblem& p, GemmPrecision precision, int architecture,
                                      GemmBackend asked, const GemmChoice& choice) {
  const bool library = asked == GemmBackend::cublaslt;
  const bool tf32 = precision == GemmPrecision::tf32 && architecture >= kMatrixUnits;
  // Whoever asks for the library means its multiply-adds where the precision leaves the choice.
  if (library && precision == GemmPrecision::fastest_exact) precision = GemmPrecision::multiply_adds;
  const bool empty = p.m == 0 || p.n == 0 || p.k == 0;
  std::vector<GemmPlan> plans;
  for (const int products : products_of(precision, architecture)) {
    if (asked != GemmBackend::own && products <= 1 && !tf32)
      plans.push_back({p, products, GemmKernel::cublaslt});
    if (library && !plans.empty()) continue;
    plans.push_back({p, products,
                     tf32            ? GemmKernel::tf32
                     : products == 0 ? GemmKernel::simt
                                     : GemmKernel::mma});
    if (products > 0 && architecture == kWgmma && !empty) add_wgmma(plans, p, products, choice);
  }
  std::vector<GemmPlan> left;
  std::copy_if(plans.begin(), plans.end(), std::back_inserter(left),
               [&](const GemmPlan& plan) { return chosen(plan, choice); });
  return left.empty() ? plans : left;
}

double estimated_microseconds(const GemmPlan& plan, int architecture) {
  const Device device = device_of(architecture);
  const GemmProblem& p = plan.problem;
  const double terms = static_cast<double>(p.k);
  switch (plan.kernel) {
    case GemmKernel::wgmma:
      return wgmma_microseconds(plan, device);
    case GemmKernel::mma:
      return kLaunch + tiled(device, tiles_of(p, 128, 64), 128, 64, terms, device.mma / plan.products);
    case GemmKernel::simt:  // its tiles shrink with the problem
      return kLaunch + std::max(flops(p) / (device.multiply_adds * 1e6),
                                tiled(device, tiles_of(p, 32, 32), 32, 32, terms, device.multiply_adds / 2));
    case GemmKernel::tf32:
      return kLaunch + tiled(device, tiles_of(p, 128, 64), 128, 64, terms, device.mma / 2);
    case GemmKernel::cublaslt:
      break;
  }
  const double rate = plan.products == 0 ? device.multiply_adds : std::max(device.mma, device.wgmma);
  return kLaunch + flops(p) / (rate * 1e6);
}

GemmPlan plan_gemm(const GemmProblem& problem, GemmPrecision precision, int architecture, GemmBackend asked,
                   const GemmChoice& choice) {
  const GemmBackend known = asked == GemmBackend::automatic ? GemmBackend::own : asked;
  const std::vector<GemmPlan> plans = gemm_candidates(problem, precision, architecture, known, choice);
  return *std::min_element(plans.begin(), plans.end(), [&](const GemmPlan& a, const GemmPlan& b) {
    return estimated_microseconds(a, architecture) < estimated_microseconds(b, architecture);
  });
}

std::string to_string(const GemmPlan& plan, int architecture) {
  const GemmProblem& p = plan.problem;
  std::string how =
      std::to_string(plan.products) + " product" + (plan.products > 1 ? "s" : "") + " of bfloat16 terms";
  if (plan.products == 0) how = "multiply-adds";
  if (plan.kernel == GemmKernel::tf32) how = "TF32, tile 128x64";
  if (plan.kernel == GemmKernel::cublaslt) how += ", by cuBLASLt";
  if (plan.kernel == GemmKernel::mma) how += ", tile 128x64";
  if (plan.kernel == GemmKernel::wgmma) {
    how += " by wgmma, tile 128x" + std::to_string(plan.tiling.cols);
    if (plan.tiling.parts > 1) how += ", k in " + std::to_string(plan.tiling.parts) + " parts";
  }
  return "m=" + std::to_string(p.m) + " n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) +
         (p.transpose_a ? " a^T" : "") + (p.transpose_b ? " b^T" : "") + " on sm_" +
         std::to_string(architecture) + ": " + how;
}

}  // namespace densor::cuda
