// totals[0] += sum of values * weight in double, totals[1] += their number, by one block: each thread adds
// every 1024th value, and the threads' sums are added in order. Reads 4 (8) bytes a value.
#include "cuda/device/reduce.cuh"

#include "cuda/device/refused.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void accumulate_kernel(double* totals, const float* values, const float* weight, std::int64_t n,
                                  const Batch* batch) {
  if (refused(batch)) return;
  double sum = 0.0;
  for (std::int64_t i = first_item(); i < n; i += item_stride()) {
    const double factor = weight != nullptr ? static_cast<double>(weight[i]) : 1.0;
    sum += static_cast<double>(values[i]) * factor;
  }
  sum = block_sum(sum);
  if (first_item() != 0) return;
  totals[0] += sum;
  totals[1] += static_cast<double>(n);
}

void accumulate(const Queue& queue, double* totals, const float* values, const float* weight,
                std::int64_t n) {
  const unsigned threads = n > kThreads ? 1024 : kThreads;
  launch(queue, accumulate_kernel, 1, threads, 0, totals, values, weight, n, queue.batch);
}

}  // namespace

void fill_accumulate(Launchers& table) { table.accumulate = accumulate; }

}  // namespace densor::cuda
