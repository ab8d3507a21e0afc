// The avx512 target. Exports one symbol.
#include "cpu/targets/vec_avx512.h"
// Kernel bodies are compiled over the Vec above.
#include "cpu/generic/table.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& avx512_kernels() {
  static const Kernels kernels = make_table("avx512", avx512_gemm(), avx512_halves());
  return kernels;
}

}  // namespace densor::cpu
