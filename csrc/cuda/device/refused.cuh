// Kernels that write what outlives a batch (weights, slots, statistics, sums) begin with
// `if (refused(batch)) return;`.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

__device__ __forceinline__ bool refused(const Batch* batch) { return batch->refusal != Refusal::none; }

// By any number of threads; the first reason stays.
__device__ __forceinline__ void refuse(Batch* batch, Refusal reason) {
  atomicCAS(reinterpret_cast<int*>(&batch->refusal), static_cast<int>(Refusal::none),
            static_cast<int>(reason));
}

}  // namespace densor::cuda
