// The scalar target. Exports one symbol.
#include "cpu/targets/vec_scalar.h"
// Kernel bodies are compiled over the Vec above.
#include "cpu/generic/table.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& scalar_kernels() {
  static const Kernels kernels = make_table("scalar", scalar_gemm(), scalar_halves());
  return kernels;
}

}  // namespace densor::cpu
