// The batch at hand, in device memory, is moved on by the device itself: a captured step serves all batches.
#include "cuda/device/grid.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void next_batch_kernel(Batch* batch, std::int64_t rows, std::int64_t steps) {
  if (first_item() != 0 || refused(batch)) return;
  ++batch->taken;
  batch->start += rows;
  if (batch->rows != nullptr) batch->rows += rows;
  if (batch->hyper != nullptr) batch->hyper += batch->hyper_count;
  batch->step += static_cast<std::uint64_t>(steps - batch->repeat);
  batch->repeat = 0;
}

__global__ void next_repeat_kernel(Batch* batch) {
  if (first_item() != 0 || refused(batch)) return;
  ++batch->step;
  ++batch->repeat;
}

void next_batch(const Queue& queue, Batch* batch, std::int64_t rows, std::int64_t steps) {
  launch(queue, next_batch_kernel, 1, 1, 0, batch, rows, steps);
}

void next_repeat(const Queue& queue, Batch* batch) { launch(queue, next_repeat_kernel, 1, 1, 0, batch); }

}  // namespace

void fill_batch(Launchers& table) {
  table.next_batch = next_batch;
  table.next_repeat = next_repeat;
}

}  // namespace densor::cuda
