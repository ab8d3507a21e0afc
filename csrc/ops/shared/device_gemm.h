// Matrix products on a device, at the precision in use.
#pragma once

#include "cpu/gemm/precision.h"
#include "cuda/gemm/plan.h"
#include "cuda/launch.h"

namespace densor::ops {

// The setting as the device understands it.
inline cuda::GemmPrecision device_precision() {
  switch (cpu::matmul_precision()) {
    case cpu::GemmPrecision::ieee:
      return cuda::GemmPrecision::multiply_adds;
    case cpu::GemmPrecision::medium:
      return cuda::GemmPrecision::x1;
    case cpu::GemmPrecision::high:
      return cuda::GemmPrecision::x3;
    case cpu::GemmPrecision::x6:
      return cuda::GemmPrecision::x6;
    case cpu::GemmPrecision::highest:
      break;
  }
  return cuda::GemmPrecision::fastest_exact;
}

inline cuda::GemmPlan device_gemm(const cuda::GemmProblem& problem) {
  return cuda::plan_gemm(problem, device_precision(), cuda::runtime().architecture());
}

inline void multiply(const Queue& queue, const cuda::GemmPlan& plan, const cuda::GemmOperands& operands,
                     const cuda::GemmFinish& finish) {
  const cuda::Launchers& kernels = cuda::launchers();
  if (plan.products == 0)
    kernels.gemm_simt(queue, plan.problem, operands, finish);
  else
    kernels.gemm_mma(queue, plan.problem, operands, finish, plan.products);
}

}  // namespace densor::ops
