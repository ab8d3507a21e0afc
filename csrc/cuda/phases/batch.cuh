// The batch at hand, in device memory, is moved on by the device itself: a captured step serves all batches.
#pragma once

#include "cuda/device/phase.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/device/rows.cuh"

namespace densor::cuda {

struct NextBatch {
  static constexpr PhaseKind kKind = PhaseKind::next_batch;
  Batch* batch;
  std::int64_t rows, steps;

  __device__ void operator()(const Place& at) const {
    if (at.first_item() != 0 || refused(batch)) return;
    ++batch->taken;
    batch->start += rows;
    if (batch->rows != nullptr) batch->rows += rows;
    batch->left -= batch->size;
    batch->size = batch->left < batch->capacity ? batch->left : batch->capacity;
    if (batch->hyper != nullptr) batch->hyper += batch->hyper_count;
    batch->step += static_cast<std::uint64_t>(steps - batch->repeat);
    batch->repeat = 0;
  }
};

// The batch among the bytes that a phase reads.
inline Span span(const Batch* batch) {
  return {batch, batch != nullptr ? static_cast<std::int64_t>(sizeof(Batch)) : 0};
}

}  // namespace densor::cuda
