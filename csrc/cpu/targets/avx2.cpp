// The avx2 target. Exports one symbol.
#include "cpu/targets/vec_avx2.h"
// Kernel bodies are compiled over the Vec above.
#include "cpu/generic/table.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& avx2_kernels() {
  static const Kernels kernels = make_table("avx2", avx2_gemm(), avx2_halves());
  return kernels;
}

}  // namespace densor::cpu
