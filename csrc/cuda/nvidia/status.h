// Errors of the CUDA run time as the engine's own.
#pragma once

#include <cuda_runtime.h>

namespace densor::cuda {

// Throws Error(device) with the driver's words unless `status` is success.
void check(cudaError_t status, const char* function);

}  // namespace densor::cuda
