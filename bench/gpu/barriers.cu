// What dependent work costs on this GPU: kernels launched, replayed by a graph, overlapped (programmatic
// dependent launch), and barriers inside one kernel: over the grid by flags of our own and by cooperative
// groups, over a cluster. Prints a line of JSON: microseconds of each.
//   nvcc -std=c++20 -O3 -arch=native bench/gpu/barriers.cu -o barriers && ./barriers
#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int kChain = 100, kBarriers = 200, kThreads = 256, kRounds = 15;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
  std::exit(1);
}

__global__ void tiny(float* x) { x[threadIdx.x] += 1.0f; }

// May begin before the kernel ahead of it has ended, and waits for its results.
__global__ void overlapped(float* x) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
  x[threadIdx.x] += 1.0f;
}

// The last block to arrive lets the others go: they wait for the next generation.
__global__ void by_flags(unsigned* arrived, unsigned* generation) {
  for (int i = 0; i < kBarriers; ++i) {
    __syncthreads();
    if (threadIdx.x == 0) {
      volatile unsigned* now = generation;
      const unsigned mine = *now;
      __threadfence();
      if (atomicAdd(arrived, 1u) == gridDim.x - 1) {
        *arrived = 0;
        __threadfence();
        atomicAdd(generation, 1u);
      } else {
        while (*now == mine) {
        }
      }
      __threadfence();
    }
    __syncthreads();
  }
}

__global__ void by_grid_sync() {
  for (int i = 0; i < kBarriers; ++i) cooperative_groups::this_grid().sync();
}

__global__ void by_cluster() {
#if __CUDA_ARCH__ >= 900
  for (int i = 0; i < kBarriers; ++i) {
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
    asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
  }
#endif
}

cudaStream_t stream;

// Microseconds of one of `each` parts of the work: the median of rounds.
template <class F>
double cost(int each, F work) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<float> times;
  for (int round = 0; round < kRounds + 3; ++round) {
    check(cudaEventRecord(begin, stream), "record");
    work();
    check(cudaGetLastError(), "launch");
    check(cudaEventRecord(end, stream), "record");
    check(cudaEventSynchronize(end), "wait");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "time");
    if (round >= 3) times.push_back(milliseconds);
  }
  std::sort(times.begin(), times.end());
  return 1e3 * static_cast<double>(times[kRounds / 2]) / each;
}

template <class... P, class... A>
cudaError_t launch_with(void (*kernel)(P...), int blocks, cudaLaunchAttribute attribute, A... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

cudaLaunchAttribute overlap() {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  return attribute;
}

template <class F>
cudaGraphExec_t captured(F work) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  work();
  check(cudaStreamEndCapture(stream, &graph), "capture");
  check(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  return executable;
}

void print(const char* name, double value) { std::printf(", \"%s us\": %.4f", name, value); }

// A cluster of as many blocks, if it can be launched here.
void print_cluster(int blocks) {
  if (blocks > 8 && cudaFuncSetAttribute(by_cluster, cudaFuncAttributeNonPortableClusterSizeAllowed, 1) != cudaSuccess) {
    cudaGetLastError();
    return;
  }
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(blocks);
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  if (launch_with(by_cluster, blocks, attribute) != cudaSuccess) {
    cudaGetLastError();
    return;
  }
  char name[64];
  std::snprintf(name, sizeof name, "barrier of a cluster of %d blocks", blocks);
  print(name, cost(kBarriers, [&] { check(launch_with(by_cluster, blocks, attribute), "cluster"); }));
}

}  // namespace

int main() {
  int device = 0, processors = 0, major = 0;
  float* x = nullptr;
  unsigned* flags = nullptr;
  check(cudaGetDevice(&device), "device");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "processors");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "capability");
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  check(cudaMalloc(&x, kThreads * sizeof(float)), "memory");
  check(cudaMalloc(&flags, 256), "memory");
  check(cudaMemset(x, 0, kThreads * sizeof(float)), "memory");
  check(cudaMemset(flags, 0, 256), "memory");
  check(cudaDeviceSynchronize(), "memory");
  const auto chain = [&] {
    for (int i = 0; i < kChain; ++i) tiny<<<1, kThreads, 0, stream>>>(x);
  };
  const auto overlapping = [&] {
    for (int i = 0; i < kChain; ++i) check(launch_with(overlapped, 1, overlap(), x), "overlapped launch");
  };
  std::printf("{\"multiprocessors\": %d", processors);
  print("kernel launched", cost(kChain, chain));
  const cudaGraphExec_t graph = captured(chain);
  print("kernel in a graph", cost(kChain, [&] { check(cudaGraphLaunch(graph, stream), "graph"); }));
  if (major >= 9) {
    print("kernel launched, overlapped", cost(kChain, overlapping));
    const cudaGraphExec_t overlapped_graph = captured(overlapping);
    print("kernel in a graph, overlapped",
          cost(kChain, [&] { check(cudaGraphLaunch(overlapped_graph, stream), "graph"); }));
  }
  print("barrier of the grid by flags",
        cost(kBarriers, [&] { by_flags<<<processors, kThreads, 0, stream>>>(flags, flags + 32); }));
  const auto cooperative = [&] {
    check(cudaLaunchCooperativeKernel(by_grid_sync, dim3(static_cast<unsigned>(processors)), dim3(kThreads),
                                      nullptr, 0, stream),
          "cooperative launch");
  };
  print("barrier of the grid by grid.sync", cost(kBarriers, cooperative));
  if (major >= 9)
    for (const int blocks : {2, 4, 8, 16}) print_cluster(blocks);
  std::printf("}\n");
  return 0;
}
