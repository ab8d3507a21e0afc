#include "cuda/gemm/plan.h"

namespace densor::cuda {

namespace {

constexpr int kMatrixUnits = 80;  // the first architecture that multiplies bfloat16
// Multiply-adds from which six products are taken for faster than they are: enough tiles of 128 x 64 to fill
// a GPU. An estimate until one has measured it.
constexpr double kWorthSplitting = double{1 << 26};

int products_of(GemmPrecision precision, const GemmProblem& p) {
  switch (precision) {
    case GemmPrecision::multiply_adds:
      return 0;
    case GemmPrecision::x1:
      return 1;
    case GemmPrecision::x3:
      return 3;
    case GemmPrecision::x6:
      return 6;
    case GemmPrecision::fastest_exact:
      break;
  }
  const double work = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  return work >= kWorthSplitting ? 6 : 0;
}

}  // namespace

GemmPlan plan_gemm(const GemmProblem& problem, GemmPrecision precision, int architecture, GemmBackend asked) {
  const bool library = asked == GemmBackend::cublaslt;
  // Whoever asks for the library means its multiply-adds where the precision leaves the choice.
  if (library && precision == GemmPrecision::fastest_exact) precision = GemmPrecision::multiply_adds;
  const int products = architecture < kMatrixUnits ? 0 : products_of(precision, problem);
  return {problem, products, library && products <= 1 ? GemmBackend::cublaslt : GemmBackend::own};
}

std::string to_string(const GemmPlan& plan, int architecture) {
  const GemmProblem& p = plan.problem;
  const std::string how = plan.products == 0 ? "multiply-adds"
                                             : std::to_string(plan.products) + " product" +
                                                   (plan.products > 1 ? "s" : "") + " of bfloat16 terms";
  const bool library = plan.backend == GemmBackend::cublaslt;
  const std::string by = library ? ", by cuBLASLt" : plan.products == 0 ? "" : ", tile 128x64";
  return "m=" + std::to_string(p.m) + " n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) +
         (p.transpose_a ? " a^T" : "") + (p.transpose_b ? " b^T" : "") + " on sm_" +
         std::to_string(architecture) + ": " + how + by;
}

}  // namespace densor::cuda
