#include "cuda/phases/batch.cuh"

#include "cuda/sample.h"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void next_repeat_kernel(Batch* batch) {
  if (first_item() != 0 || refused(batch)) return;
  ++batch->step;
  ++batch->repeat;
}

void next_batch(const Queue& queue, Batch* batch, std::int64_t rows, std::int64_t steps) {
  launch_phase(queue, NextBatch{batch, rows, steps}, 1, kThreads, {span(batch)}, {span(batch)});
}

void next_repeat(const Queue& queue, Batch* batch) { launch(queue, next_repeat_kernel, 1, 1, 0, batch); }

}  // namespace

const void* sample_kernel() { return reinterpret_cast<const void*>(&next_repeat_kernel); }

void fill_batch(Launchers& table) {
  table.next_batch = next_batch;
  table.next_repeat = next_repeat;
}

}  // namespace densor::cuda
