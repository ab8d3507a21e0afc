// The matrix products of the neon target, apart from its other kernels because their many tiles take longest
// to compile. Exports one symbol.
#include "cpu/gemm/lanes_neon.h"
// Kernel bodies are compiled over the registers above.
#include "cpu/generic/dense.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const GemmKernels& neon_gemm() {
  static const GemmKernels kernels = make_gemm();
  return kernels;
}

}  // namespace densor::cpu
