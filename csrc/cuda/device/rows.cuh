// The last batch of a run may have fewer rows than the arrays of its program. Kernels that work on each row
// for itself may work on the others too, whatever lies there; kernels that sum over rows, read the data or
// write for the caller take those of the batch alone, so that what lies there reaches nothing.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

// Of `rows` rows of an array, as many for each of the batch, those that count. All where there is no batch.
__device__ __forceinline__ std::int64_t rows_of(const Batch* batch, std::int64_t rows) {
  if (batch == nullptr || batch->size == batch->capacity) return rows;
  return rows / batch->capacity * batch->size;
}

// What a mean over the batch's rows is to be multiplied by where it was divided by all of the program's.
__device__ __forceinline__ double mean_factor(const Batch* batch) {
  if (batch->size == batch->capacity) return 1.0;
  return static_cast<double>(batch->capacity) / static_cast<double>(batch->size);
}

}  // namespace densor::cuda
