// A planned matrix product on the queue.
#pragma once

#include "core/queue.h"
#include "cuda/gemm/plan.h"

namespace densor::cuda {

// c = a b, + bias, activation, slope as `finish` says. The queue's scratch memory holds at least
// plan.scratch() floats.
void multiply(const Queue& queue, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish);

}  // namespace densor::cuda
