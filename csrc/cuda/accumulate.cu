#include "cuda/phases/accumulate.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

void accumulate(const Queue& queue, double* totals, const float* values, const float* weight,
                std::int64_t n) {
  const bool many = n > kThreads && queue.phases == nullptr;  // phases all have as many threads
  const unsigned threads = many ? Accumulate::kMostThreads : kThreads;
  launch_phase(queue, Accumulate{totals, values, weight, n, queue.batch}, 1, threads,
               {span(values, n), span(weight, n), span(queue.batch)}, {span(totals, 2)});
}

}  // namespace

void fill_accumulate(Launchers& table) { table.accumulate = accumulate; }

}  // namespace densor::cuda
