// What pinned.h needs of the CUDA run time, with copies that take place only where somebody waits for them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>

enum cudaError_t { cudaSuccess };
enum cudaMemcpyKind { cudaMemcpyHostToDevice };
constexpr unsigned cudaEventDisableTiming = 2;
using cudaStream_t = int;
using cudaEvent_t = std::size_t*;  // the copies before it

struct LateCopies {
  std::deque<std::function<void()>> waiting;
  std::size_t begun = 0, done = 0, pins = 0;

  void until(std::size_t count) {
    for (; done < count; ++done, waiting.pop_front()) waiting.front()();
  }
};
inline LateCopies device;

inline cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  ++device.pins;
  *memory = std::malloc(bytes);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new std::size_t(0);
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  *event = device.begun;
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  device.until(*event);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
  device.waiting.push_back([=] { std::memcpy(to, from, bytes); });
  ++device.begun;
  return cudaSuccess;
}
