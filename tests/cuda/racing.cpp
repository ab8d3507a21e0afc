// Kernels whose threads are ordered, and kernels whose threads are not though they may find the right values
// in whatever order they run here; what a GPU does as this processor does, and what it does not. Prints what
// is said of the one that was asked for.
#include <cstdio>
#include <map>
#include <string>

#include "core/error.h"
#include "platform.cuh"
#include "tile.cuh"

namespace {

using densor::cuda::Barrier;
namespace cuda = densor::cuda;

constexpr int kThreads = 64;
constexpr unsigned kBlocks = 3;
int global[kThreads];

int index() { return static_cast<int>(threadIdx.x); }

// All write the same; so the order does not show.
template <bool kBarrier>
__global__ void neighbours() {
  DENSOR_SHARED(int[kThreads], written);
  for (int round = 0; round < 2; ++round) {
    written[index()] = 1;
    __syncthreads();
    if (written[(index() + 1) % kThreads] != 1) global[index()] = 0;
    if (kBarrier) __syncthreads();
  }
}

template <bool kBarrier>
__global__ void bytes_beside() {
  DENSOR_SHARED(unsigned char[kThreads], written);
  written[index()] = 1;
  if (!kBarrier) written[index() / 2] = 1;
}

template <int kDistance>
__global__ void lanes() {
  DENSOR_SHARED(int[kThreads], written);
  written[index()] = 1;
  __syncwarp();
  if (written[index() ^ kDistance] != 1) global[index()] = 0;
}

// Only half of the warp takes part.
template <int kDistance>
__global__ void half_of_a_warp() {
  DENSOR_SHARED(int[kThreads], written);
  written[index()] = 1;
  const std::uint32_t half = index() % 32 < 16 ? 0xffffu : 0xffff0000u;
  __shfl_xor_sync(half, 0, 1);
  if (written[index() ^ kDistance] != 1) global[index()] = 0;
}

template <bool kMeet>
__global__ void blocks() {
  if (blockIdx.x == 0) global[index()] = 1;
  if (kMeet) cuda::meet(nullptr, 0);
  if (blockIdx.x == 2 && global[index()] != 1) global[index()] = 0;
}

template <bool kAtomic>
__global__ void counts() {
  if (kAtomic || blockIdx.x > 0)
    atomicAdd(&global[0], 1);
  else
    global[0] += 1;
}

// Thread 0 has a tile copied, all read it. kWait: when it is there. The next copy waits for the last readers.
template <bool kWait, int kReaders>
__global__ void stages(const int* from, std::uint32_t rounds) {
  auto* tile = cuda::dynamic_shared<int>();
  auto* full = reinterpret_cast<Barrier*>(tile + kThreads);
  Barrier* empty = full + 1;
  if (index() == 0) full->init(1), empty->init(kReaders);
  __syncthreads();
  for (std::uint32_t round = 0; round < rounds; ++round) {
    if (index() == 0) {
      if (round > 0) empty->wait((round - 1) & 1u);
      full->arrive_expecting(kThreads * sizeof(int));
      cuda::bulk_load(tile, from, kThreads * sizeof(int), *full);
    }
    if (kWait || index() == 0) full->wait(round & 1u);
    if (tile[kThreads - 1 - index()] != 1) global[index()] = 0;
    empty->arrive_if(index() >= kThreads - kReaders);
  }
}

template <int kOffset>
__global__ void vectors() {
  alignas(16) static const float numbers[8] = {};
  const float4 all = *reinterpret_cast<const float4*>(numbers + kOffset);
  global[0] = all.x == all.w;
}

// A GPU answers 0 and the largest number.
__global__ void shifts(std::uint32_t by) { global[0] = static_cast<int>(1u << by); }
__global__ void converts(float x) { global[0] = static_cast<int>(x); }

void run(const std::string& name) {
  namespace host = cuda::host;
  static const int ones[kThreads] = {1};
  const dim3 one(1), all(kBlocks), block(kThreads);
  const std::size_t room = kThreads * sizeof(int) + 2 * sizeof(Barrier);
  const std::map<std::string, std::function<void()>> kernels = {
      {"neighbours", [&] { host::launch(one, block, 0, neighbours<true>); }},
      {"neighbours that race", [&] { host::launch(one, block, 0, neighbours<false>); }},
      {"bytes beside", [&] { host::launch(one, block, 0, bytes_beside<true>); }},
      {"bytes beside that race", [&] { host::launch(one, block, 0, bytes_beside<false>); }},
      {"lanes", [&] { host::launch(one, block, 0, lanes<5>); }},
      {"lanes that race", [&] { host::launch(one, block, 0, lanes<37>); }},
      {"half of a warp", [&] { host::launch(one, block, 0, half_of_a_warp<3>); }},
      {"half of a warp that races", [&] { host::launch(one, block, 0, half_of_a_warp<16>); }},
      {"blocks", [&] { host::launch_together(all, block, 0, blocks<true>); }},
      {"blocks that race", [&] { host::launch(all, block, 0, blocks<false>); }},
      {"counts", [&] { host::launch(all, one, 0, counts<true>); }},
      {"counts that race", [&] { host::launch(all, one, 0, counts<false>); }},
      {"stages", [&] { host::launch(one, block, room, [] { stages<true, kThreads>(ones, 3); }); }},
      {"stages that race for want of a copy",
       [&] { host::launch(one, block, room, [] { stages<false, kThreads>(ones, 1); }); }},
      {"vectors", [&] { host::launch(one, one, 0, vectors<4>); }},
      {"vectors beside their place", [&] { host::launch(one, one, 0, vectors<3>); }},
      {"shifts", [&] { host::launch(one, one, 0, [] { shifts(31); }); }},
      {"shifts by too much", [&] { host::launch(one, one, 0, [] { shifts(32); }); }},
      {"converts", [&] { host::launch(one, one, 0, [] { converts(1e9f); }); }},
      {"converts too much", [&] { host::launch(one, one, 0, [] { converts(1e10f); }); }},
      {"stages that race for the next copy",
       [&] { host::launch(one, block, room, [] { stages<true, 1>(ones, 3); }); }},
  };
  kernels.at(name)();
}

}  // namespace

int main(int, char** arguments) {
  cuda::host::set_order(std::string(arguments[1]) == "descending" ? cuda::host::Order::descending
                                                                  : cuda::host::Order::ascending);
  try {
    run(arguments[2]);
    std::puts("ordered");
  } catch (const densor::Error& error) {
    std::puts(error.what());
  }
}
