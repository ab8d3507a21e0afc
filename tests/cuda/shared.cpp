// Kernels that use shared memory, right and wrong, on the processor: prints what their blocks found there.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "platform.cuh"

namespace {

constexpr int kBlocks = 3, kThreads = 32;
float found[kBlocks];

// Nobody has written what these add to: with zeros they would seem right, for the first block or for all.
__global__ void forgets_to_begin() {
  DENSOR_SHARED(float, count);
  if (threadIdx.x == 0) found[blockIdx.x] = count += 1.0f;
}
__global__ void forgets_to_begin_dynamic() {
  float& count = *densor::cuda::dynamic_shared<float>();
  if (threadIdx.x == 0) found[blockIdx.x] = count += 1.0f;
}

__global__ void begins() {
  DENSOR_SHARED(float[kThreads], written);
  DENSOR_SHARED(double, sum);
  written[threadIdx.x] = static_cast<float>(blockIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) {
    sum = 0.0;
    for (const float value : written) sum += static_cast<double>(value);
  }
  __syncthreads();
  if (threadIdx.x == kThreads - 1) found[blockIdx.x] = static_cast<float>(sum);
}

// Only the writer's block may see it, also where others run in between.
__global__ void keeps_across_a_meeting() {
  DENSOR_SHARED(float, mine);
  if (threadIdx.x == 0) mine = static_cast<float>(blockIdx.x);
  densor::cuda::host::block().meet();
  if (threadIdx.x == kThreads - 1) found[blockIdx.x] = mine;
}

__global__ void writes_behind_the_end() {
  DENSOR_SHARED(float[kThreads], written);
  written[threadIdx.x + 1] = 0.0f;
}

}  // namespace

int main(int, char** arguments) {
  namespace host = densor::cuda::host;
  const char* const kernel = arguments[2];
  const auto is = [kernel](const char* name) { return std::strcmp(kernel, name) == 0; };
  host::set_order(std::strcmp(arguments[1], "descending") == 0 ? host::Order::descending
                                                               : host::Order::ascending);
  const dim3 grid(kBlocks), block(kThreads);
  if (is("forgets to begin")) host::launch(grid, block, 0, forgets_to_begin);
  if (is("forgets to begin, dynamic")) host::launch(grid, block, sizeof(float), forgets_to_begin_dynamic);
  if (is("begins")) host::launch(grid, block, 0, begins);
  if (is("meets")) host::launch_together(grid, block, 0, keeps_across_a_meeting);
  if (is("writes behind the end")) host::launch(grid, block, 0, writes_behind_the_end);
  for (const float value : found)
    std::printf("%s ", std::isnan(value) ? "nan" : std::to_string(std::lround(value)).c_str());
}
