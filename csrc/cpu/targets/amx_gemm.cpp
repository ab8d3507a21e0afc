// Matrix products on AMX: the only code with tile instructions. Exports one symbol.
#include "cpu/gemm/amx_tiles.h"
#include "cpu/gemm/lanes_avx512.h"
#include "cpu/targets/vec_avx512.h"
// Kernel bodies are compiled over the tiles, registers and Vec above.
#include "cpu/gemm/amx_block.h"
#include "cpu/gemm/amx_weights.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

const MatrixUnits& amx_gemm() {
  static const MatrixUnits units = {units_block, units_pack_weights, units_peak};
  return units;
}

}  // namespace densor::cpu
