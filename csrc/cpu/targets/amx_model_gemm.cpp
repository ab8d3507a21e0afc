// Matrix products on the model of AMX. Exports one symbol.
#include "cpu/gemm/lanes_avx2.h"
#include "cpu/targets/vec_avx2.h"
// The model computes with the Vec above.
#include "cpu/gemm/amx_model.h"
// Kernel bodies are compiled over the tiles, registers and Vec above.
#include "cpu/gemm/amx_block.h"
#include "cpu/gemm/amx_weights.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const MatrixUnits& amx_model_gemm() {
  static const MatrixUnits units = {units_block, units_pack_weights, units_peak};
  return units;
}

}  // namespace densor::cpu
