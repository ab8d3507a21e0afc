// The neon target. Exports one symbol.
#include "cpu/targets/vec_neon.h"
// Kernel bodies are compiled over the Vec above.
#include "cpu/generic/table.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& neon_kernels() {
  static const Kernels kernels = make_table("neon", neon_gemm(), neon_halves());
  return kernels;
}

}  // namespace densor::cpu
