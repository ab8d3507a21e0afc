// How a matrix product runs on the device: pure, printable, the same with and without a GPU.
#pragma once

#include <string>
#include <vector>

#include "cuda/gemm/problem.h"

namespace densor::cuda {

inline constexpr int kMatrixUnits = 80;  // the first architecture that multiplies bfloat16

// What stands for one product of float32: multiply-adds themselves, or products of bfloat16 terms on the
// matrix units, 6 being no less exact, or of TF32. `fastest_exact` takes the faster of the first and the last
// of bfloat16.
enum class GemmPrecision { multiply_adds, x1, x3, x6, tf32, fastest_exact };

// Whose kernels compute it: those that are measured to be faster, ours or NVIDIA's library's; ours; the
// library's.
enum class GemmBackend { automatic, own, cublaslt };

// multiply-adds; matrix units by mma.sync (sm_80 and later), of bfloat16 or TF32, or by wgmma (sm_90a); the
// library.
enum class GemmKernel { simt, mma, tf32, wgmma, cublaslt };
inline constexpr const char* kGemmKernelNames[] = {"simt", "mma", "tf32", "wgmma", "cublaslt"};

struct GemmPlan {
  GemmProblem problem{};
  int products = 0;  // of bfloat16 terms on the matrix units; 0: none
  GemmKernel kernel = GemmKernel::simt;
  WgmmaTiling tiling{};  // of wgmma
  bool rounds = false;   // of the library: c is of bfloat16 numbers, its sums wait in scratch memory

  std::int64_t scratch() const;  // floats
  // Of GemmSums: rows of a part, and how many sums of squares there are; 0 where the plan does not tell.
  std::int64_t moment_rows() const;
  std::int64_t square_sums() const;
};

// Plans to which the choice is narrowed, for tests and measurements: those of one kernel, one width of tiles,
// one number of parts. Zeros and an empty name leave it open, and where no plan is left, nothing is narrowed.
struct GemmChoice {
  std::string kernel;
  int cols = 0, parts = 0;
};

// What can compute it at this precision on `architecture` (75, 80, 90 and so on), in an order fixed by the
// problem. The library has no sums of several products, which stay ours.
std::vector<GemmPlan> gemm_candidates(const GemmProblem& problem, GemmPrecision precision, int architecture,
                                      GemmBackend asked = GemmBackend::own, const GemmChoice& choice = {});

// What a plan is reckoned to take: an estimate from data sheets until a GPU has measured it.
double estimated_microseconds(const GemmPlan& plan, int architecture);

// The candidate of the least estimate. The library is one of them only where it is asked for: estimates do
// not know it.
GemmPlan plan_gemm(const GemmProblem& problem, GemmPrecision precision, int architecture,
                   GemmBackend asked = GemmBackend::own, const GemmChoice& choice = {});

// "m=32 n=300 k=784 on sm_90: 6 products of bfloat16 terms by wgmma, tile 128x128, k in 2 parts"
std::string to_string(const GemmPlan& plan, int architecture);

}  // namespace densor::cuda
