// totals[0] += sum of values * weight in double, totals[1] += their number, by one block: each thread adds
// every 1024th value, of a phase every 256th, and the threads' sums are added in order. Reads 4 (8) bytes a
// value.
#pragma once

#include "cuda/device/reduce.cuh"

#include "cuda/phases/batch.cuh"

namespace densor::cuda {

struct Accumulate {
  static constexpr PhaseKind kKind = PhaseKind::accumulate;
  static constexpr int kMostThreads = 1024;
  double* totals;
  const float *values, *weight;
  std::int64_t n;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    if (refused(batch)) return;
    const std::int64_t there = rows_of(batch, n);
    double sum = 0.0;
    for (std::int64_t i = at.first_item(); i < there; i += at.item_stride()) {
      const double factor = weight != nullptr ? static_cast<double>(weight[i]) : 1.0;
      sum += static_cast<double>(values[i]) * factor;
    }
    sum = block_sum(sum);
    if (at.first_item() != 0) return;
    totals[0] += sum;
    totals[1] += static_cast<double>(there);
  }
};

}  // namespace densor::cuda
