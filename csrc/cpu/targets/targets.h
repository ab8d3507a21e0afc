// The tables that this build has, best first.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {

const Kernels& scalar_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
const Kernels& amx_kernels();
const Kernels& amx_model_kernels();
const Kernels& neon_kernels();
const GemmKernels& scalar_gemm();
const GemmKernels& avx2_gemm();
const GemmKernels& avx512_gemm();
const GemmKernels& neon_gemm();
const StoredKernels<std::uint16_t>& scalar_halves();
const StoredKernels<std::uint16_t>& avx2_halves();
const StoredKernels<std::uint16_t>& avx512_halves();
const StoredKernels<std::uint16_t>& neon_halves();
const MatrixUnits& amx_gemm();
const MatrixUnits& amx_model_gemm();

struct Target {
  const char* name;
  const Kernels& (*kernels)();
  bool (*supported)();  // by this CPU and operating system
  bool model;           // of a machine that is not there: used when named, never chosen
};

// Of those that are chosen, the scalar target is the last; it runs everywhere.
extern const Target kTargets[];
extern const int kTargetCount;

}  // namespace densor::cpu
