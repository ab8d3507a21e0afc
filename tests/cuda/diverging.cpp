// Kernels whose threads part ways at a barrier or a shuffle, on the processor: prints what the launch says.
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "platform.cuh"

namespace {

constexpr unsigned kThreads = 64, kAll = 0xffffffffu;
float found[kThreads];

__global__ void some_end_before_the_barrier() {
  if (threadIdx.x >= kThreads / 2) return;
  __syncthreads();
}
__global__ void one_goes_round_once_more() {
  for (unsigned i = 0; i < (threadIdx.x == 3 ? 2u : 1u); ++i) __syncthreads();
}
__global__ void some_shuffle_and_some_meet() {
  if (threadIdx.x % 2 == 0)
    found[threadIdx.x] = __shfl_xor_sync(kAll, 1.0f, 2);
  else
    __syncthreads();
}
__global__ void lanes_are_missing_in_a_shuffle() {
  if (threadIdx.x % 4 != 1) found[threadIdx.x] = __shfl_xor_sync(kAll, 1.0f, 1);
}
__global__ void half_a_warp_shuffles_and_all_meet() {
  if (threadIdx.x % 32 < 16) found[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.0f, 1);
  __syncthreads();
}

}  // namespace

int main(int, char** arguments) {
  namespace host = densor::cuda::host;
  host::set_order(std::strcmp(arguments[1], "descending") == 0 ? host::Order::descending
                                                               : host::Order::ascending);
  const auto launch = [arguments](const char* name, auto kernel) {
    if (std::strcmp(arguments[2], name) == 0) host::launch(dim3(2), dim3(kThreads), 0, kernel);
  };
  try {
    launch("some end before the barrier", some_end_before_the_barrier);
    launch("one goes round once more", one_goes_round_once_more);
    launch("some shuffle and some meet", some_shuffle_and_some_meet);
    launch("lanes are missing in a shuffle", lanes_are_missing_in_a_shuffle);
    launch("half a warp shuffles and all meet", half_a_warp_shuffles_and_all_meet);
    std::puts("nothing");
  } catch (const densor::Error& error) {
    std::puts(error.what());
  }
}
