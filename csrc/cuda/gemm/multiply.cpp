#include "cuda/gemm/multiply.h"

#include "cuda/gemm/cublaslt.h"
#include "cuda/launch.h"

namespace densor::cuda {

void multiply(const Queue& queue, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish) {
  if (plan.problem.m == 0 || plan.problem.n == 0) return;
  const Launchers& kernels = launchers();
  if (queue.phases != nullptr) return kernels.multiply_phase(queue, plan.problem, operands, finish);
  if (plan.kernel == GemmKernel::cublaslt && multiply_with_cublaslt(queue, plan, operands)) {
    // What is above the largest bfloat16 number was infinite to it, and what came of it is repaired.
    const bool overflows = plan.products == 1 && !operands.halves;
    if (plan.rounds || finish.any() || overflows)
      kernels.gemm_parts(queue, plan.problem, operands, finish, cublaslt_sums(plan, operands, queue.scratch),
                         1);
    return;
  }
  if (plan.kernel == GemmKernel::wgmma) {
    kernels.gemm_wgmma(queue, plan.problem, operands, finish, plan.tiling);
  } else if (plan.kernel == GemmKernel::tf32) {
    kernels.gemm_tf32(queue, plan.problem, operands, finish);
  } else if (plan.products == 0) {  // the library has no algorithm for everything
    kernels.gemm_simt(queue, plan.problem, operands, finish);
  } else {
    kernels.gemm_mma(queue, plan.problem, operands, finish, plan.products);
  }
}

}  // namespace densor::cuda
