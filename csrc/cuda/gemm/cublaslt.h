// cuBLASLt as a back end of matrix products: never linked, looked for when it is first asked for.
#pragma once

#include <string>
#include <vector>

#include "core/queue.h"
#include "cuda/gemm/problem.h"

namespace densor::cuda {

// Loads the library, once: one that the process has loaded already, then the first of `paths` that loads,
// then what the loader finds by name. Returns "/where/it/was libcublasLt.so.13, version 130100". Throws
// Error(device) naming every place it looked at and what was wrong there.
std::string load_cublaslt(const std::vector<std::string>& paths);

// Puts c = a b + bias on the queue, by one product of bfloat16 numbers (`fast`) or in float32. False, and
// nothing happened, where the library has no algorithm for it. Throws Error(device) where it fails.
bool multiply_with_cublaslt(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                            const float* bias, bool fast);

}  // namespace densor::cuda
