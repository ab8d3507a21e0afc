// c of sums that are there, in float32, and what becomes of it then: of a product whose terms were cut into
// parts, or that a library has computed.
#pragma once

#include <cstdint>

#include "core/queue.h"
#include "cuda/gemm/problem.h"

namespace densor::cuda {

// `partial` (parts, m, n): added in ascending order; of one part it may be c. Sums that are not finite are
// computed again, by multiply-adds.
void add_parts(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
               const GemmFinish& finish, const float* partial, std::int64_t parts);

}  // namespace densor::cuda
