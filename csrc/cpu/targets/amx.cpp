// The amx target: avx512, with matrix products on the matrix units where the plan says so. Exports one
// symbol.
#include "cpu/targets/targets.h"

namespace densor::cpu {

const Kernels& amx_kernels() {
  static const Kernels kernels = [] {
    Kernels k = avx512_kernels();
    k.name = "amx";
    k.gemm.units = amx_gemm();
    k.gemm.shape.matrix_units = true;
    return k;
  }();
  return kernels;
}

}  // namespace densor::cpu
