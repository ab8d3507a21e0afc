// The amx_model target: avx2, with the matrix units computed by a model of their instructions. It has the
// bits of the amx target wherever that one does not differ from avx2 otherwise, and is for tests: on a CPU
// without AMX everything but the instructions themselves, on one with AMX those. Exports one symbol.
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& amx_model_kernels() {
  static const Kernels kernels = [] {
    Kernels k = avx2_kernels();
    k.name = "amx_model";
    k.gemm.units = amx_model_gemm();
    k.gemm.shape.matrix_units = true;
    return k;
  }();
  return kernels;
}

}  // namespace densor::cpu
