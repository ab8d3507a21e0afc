// The tables that this build has, best first.
#pragma once

#include "cpu/kernels.h"

namespace densor::cpu {

const Kernels& scalar_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
// noexcept: no unwinding code, whose symbols would be shared between targets.
const GemmKernels& scalar_gemm() noexcept;
const GemmKernels& avx2_gemm() noexcept;
const GemmKernels& avx512_gemm() noexcept;

struct Target {
  const char* name;
  const Kernels& (*kernels)();
  bool (*supported)();  // by this CPU and operating system
};

// Ends with the scalar target, which runs everywhere.
extern const Target kTargets[];
extern const int kTargetCount;

}  // namespace densor::cpu
