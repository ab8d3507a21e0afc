// cuBLASLt as a back end of matrix products: never linked, looked for when it is first asked for.
#pragma once

#include <string>
#include <vector>

#include "core/queue.h"
#include "cuda/gemm/plan.h"

namespace densor::cuda {

// Where packages may have put it, in the order in which that is tried.
using CublasltPaths = std::vector<std::string> (*)();
void set_cublaslt_paths(CublasltPaths paths);

// Loads the library, once: one that the process has loaded already, then the first of those paths that loads,
// then what the loader finds by name. Returns "/where/it/was libcublasLt.so.13, version 130100". Throws
// Error(device) naming every place it looked at and what was wrong there.
std::string load_cublaslt();
// Whether it can be loaded, which is tried once, and is now.
bool has_cublaslt();

// Puts the products of a plan of the library's on the queue, sums of c in float32: of bfloat16 numbers, of
// float32 numbers rounded to such (one product of terms), or of float32 numbers. They lie in `cublaslt_sums`.
// False, and nothing happened, where the library has no algorithm for it. Throws Error(device) where it
// fails.
bool multiply_with_cublaslt(const Queue& queue, const GemmPlan& plan, const GemmOperands& operands);
// Whether it has one.
bool cublaslt_computes(const GemmPlan& plan, const GemmOperands& operands, float* scratch);
inline float* cublaslt_sums(const GemmPlan& plan, const GemmOperands& operands, float* scratch) {
  return plan.rounds ? scratch : operands.c;
}

}  // namespace densor::cuda
