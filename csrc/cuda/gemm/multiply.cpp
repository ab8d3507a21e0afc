#include "cuda/gemm/multiply.h"

#include "cuda/gemm/cublaslt.h"
#include "cuda/launch.h"

namespace densor::cuda {

void multiply(const Queue& queue, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish) {
  if (plan.problem.m == 0 || plan.problem.n == 0) return;
  const Launchers& kernels = launchers();
  if (queue.phases != nullptr) return kernels.multiply_phase(queue, plan.problem, operands, finish);
  GemmOperands sums = operands;
  if (finish.z != nullptr) sums.c = finish.z;
  // The library knows few activations, and its ReLU makes 0 of NaN, which would hide it: ours follow.
  if (plan.kernel == GemmKernel::cublaslt &&
      multiply_with_cublaslt(queue, plan.problem, sums, finish.bias, plan.products == 1)) {
    const std::int64_t n = plan.problem.m * plan.problem.n;
    if (finish.activation != math::Activation::linear)
      kernels.activation_forward(queue, operands.c, sums.c, n, finish.activation, finish.alpha);
    const GemmSlope& slope = finish.slope;
    if (slope.mask != nullptr)
      kernels.dropout.backward(queue, operands.c, operands.c, slope.mask, plan.problem.m, plan.problem.n,
                               slope.scale);
    if (slope.saved != nullptr)
      kernels.activation_backward(queue, operands.c, operands.c, slope.saved, n, slope.activation,
                                  slope.alpha);
  } else if (plan.kernel == GemmKernel::wgmma) {
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
