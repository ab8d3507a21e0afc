// The scalar kernels of bfloat16 arrays, apart from its others so that both compile at a time. Exports one
// symbol.
#include "cpu/targets/vec_scalar.h"
// Kernel bodies are compiled over the Vec above.
#include "cpu/generic/stored_table.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const StoredKernels<std::uint16_t>& scalar_halves() {
  static const StoredKernels<std::uint16_t> kernels = make_stored_table<std::uint16_t>();
  return kernels;
}

}  // namespace densor::cpu
