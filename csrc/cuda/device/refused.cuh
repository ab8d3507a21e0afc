// Kernels that write what outlives a batch (weights, slots, statistics, sums) begin with
// `if (refused(batch)) return;`.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

__device__ __forceinline__ bool refused(const Batch* batch) { return batch->refusal != Refusal::none; }

}  // namespace densor::cuda
