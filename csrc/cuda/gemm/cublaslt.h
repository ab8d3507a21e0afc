// cuBLASLt as a back end of matrix products: never linked, looked for when it is first asked for.
#pragma once

#include <string>
#include <vector>

#include "core/queue.h"
#include "cuda/gemm/problem.h"

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

// Puts sums (m, n) = a b on the queue: float32 sums of bfloat16 numbers, of float32 numbers rounded to such
// (`fast`), or of float32 numbers. False, and nothing happened, where the library has no algorithm for it.
// Throws Error(device) where it fails.
bool multiply_with_cublaslt(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                            float* sums, bool fast);

}  // namespace densor::cuda
