// y = a + b: phases/add.cuh; of bfloat16 numbers 6 bytes an element, eight of them a thread.
#include "cuda/phases/add.cuh"

#include "cuda/device/eight.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void add_of_halves_kernel(Half* y, const Half* a, const Half* b, std::int64_t n) {
  const std::int64_t eights = divide_up(n, kEight);
  for (std::int64_t eight = first_item(); eight < eights; eight += item_stride()) {
    const std::int64_t i = eight * kEight;
    const EightColumns from(i, n, a, b), to(i, n, y, y);
    float sum[kEight], other[kEight];
    from.load(sum, a + i);
    from.load(other, b + i);
#pragma unroll
    for (int e = 0; e < kEight; ++e) sum[e] += other[e];
    to.store(y + i, sum);
  }
}

void add(const Queue& queue, float* y, const float* a, const float* b, std::int64_t n) {
  launch_phase(queue, Add{y, a, b, n}, blocks_for(n), kThreads, {span(a, n), span(b, n)}, {span(y, n)});
}

void add_of_halves(const Queue& queue, Half* y, const Half* a, const Half* b, std::int64_t n) {
  launch(queue, add_of_halves_kernel, blocks_for(divide_up(n, kEight)), kThreads, 0, y, a, b, n);
}

}  // namespace

void fill_add(Launchers& table) {
  table.add = add;
  table.add_of_halves = add_of_halves;
}

}  // namespace densor::cuda
