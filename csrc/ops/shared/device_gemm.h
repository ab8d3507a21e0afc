// Matrix products on a device.
#pragma once

#include "cpu/gemm/precision.h"
#include "cuda/gemm/cublaslt.h"
#include "cuda/gemm/plan.h"
#include "cuda/launch.h"

namespace densor::ops {

// The setting as the device understands it.
inline cuda::GemmPrecision device_precision(cpu::GemmPrecision precision) {
  switch (precision) {
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

// The setting to which plans are narrowed; see GemmChoice.
inline cuda::GemmChoice& gemm_choice() {
  static cuda::GemmChoice choice;
  return choice;
}

inline cuda::GemmPlan device_gemm(const cuda::GemmProblem& problem, cpu::GemmPrecision precision,
                                  int architecture) {
  const auto backend = cuda::cublaslt_is_used() ? cuda::GemmBackend::cublaslt : cuda::GemmBackend::own;
  return cuda::plan_gemm(problem, device_precision(precision), architecture, backend, gemm_choice());
}
inline cuda::GemmPlan device_gemm(const cuda::GemmProblem& problem,
                                  cpu::GemmPrecision precision = cpu::matmul_precision()) {
  return device_gemm(problem, precision, cuda::runtime().architecture());
}

// A product of float32 without the library, which has no algorithm for everything.
inline void multiply_without_library(const Queue& queue, const cuda::GemmPlan& plan,
                                     const cuda::GemmOperands& operands, const cuda::GemmFinish& finish) {
  const cuda::Launchers& kernels = cuda::launchers();
  if (plan.kernel == cuda::GemmKernel::wgmma)
    kernels.gemm_wgmma(queue, plan.problem, operands, finish, plan.tiling);
  else if (plan.products == 0)
    kernels.gemm_simt(queue, plan.problem, operands, finish);
  else
    kernels.gemm_mma(queue, plan.problem, operands, finish, plan.products);
}

inline void multiply(const Queue& queue, const cuda::GemmPlan& plan, const cuda::GemmOperands& operands,
                     const cuda::GemmFinish& finish) {
  if (queue.phases != nullptr) return cuda::launchers().multiply_phase(queue, plan.problem, operands, finish);
  // The library's own ReLU makes 0 of NaN, which would hide it: ours follows.
  if (plan.kernel == cuda::GemmKernel::cublaslt &&
      cuda::multiply_with_cublaslt(queue, plan.problem, operands, finish.bias, plan.products == 1)) {
    const std::int64_t n = plan.problem.m * plan.problem.n;
    if (finish.relu)
      cuda::launchers().activation_forward(queue, operands.c, operands.c, n, math::Activation::relu, 0.0f);
  } else {
    multiply_without_library(queue, plan, operands, finish);
  }
}

}  // namespace densor::ops
