// How a matrix product runs on the device: pure, printable, the same with and without a GPU.
#pragma once

#include <string>

#include "cuda/gemm/problem.h"

namespace densor::cuda {

// What stands for one product of float32: multiply-adds themselves, or products of bfloat16 terms on the
// matrix units, 6 being no less exact. `fastest_exact` takes the faster of the two.
enum class GemmPrecision { multiply_adds, x1, x3, x6, fastest_exact };

// Whose kernels compute it: ours, or NVIDIA's library, which is asked for and never presumed.
enum class GemmBackend { own, cublaslt };

struct GemmPlan {
  GemmProblem problem;
  int products = 0;  // on the matrix units; 0: multiply-adds
  GemmBackend backend = GemmBackend::own;
};

// `architecture`: 75, 80, 90 and so on. The library has no sums of several products, which stay ours.
GemmPlan plan_gemm(const GemmProblem& problem, GemmPrecision precision, int architecture,
                   GemmBackend asked = GemmBackend::own);

// "m=32 n=300 k=784 on sm_90: 6 products of bfloat16 terms, tile 128x64"
std::string to_string(const GemmPlan& plan, int architecture);

}  // namespace densor::cuda
