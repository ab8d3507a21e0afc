// Pinned memory of the host: what copies go through for which nobody waits at once.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "cuda/nvidia/status.h"

namespace densor::cuda {

// A block of it, and when the last copy from or to it is done. As long as the process: the driver may be gone
// before static objects are.
struct Pinned {
  void* memory = nullptr;
  cudaEvent_t copied = nullptr;
};

inline Pinned* make_pinned(std::size_t bytes, const char* function) {
  Pinned made;
  check(cudaMallocHost(&made.memory, bytes), function);
  check(cudaEventCreateWithFlags(&made.copied, cudaEventDisableTiming), function);
  return new Pinned(made);
}

// For what the device says: taken by who asks, given back by who has read the answer.
class Reports {
 public:
  explicit Reports(std::size_t bytes) : bytes_(bytes) {}

  Pinned* take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) free_.push_back(make_pinned(bytes_, "ask"));
    Pinned* report = free_.back();
    free_.pop_back();
    return report;
  }
  void give_back(Pinned* report) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(report);
  }

 private:
  std::size_t bytes_;
  std::mutex mutex_;
  std::vector<Pinned*> free_;
};

// For small uploads: the host goes on as soon as it has copied the values here. It waits only where all
// blocks are on their way.
class Staging {
 public:
  explicit Staging(std::size_t bytes) : bytes_(bytes) {}

  void upload(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Pinned* block = next();
    blocks_.push_back(block);
    std::memcpy(block->memory, from, bytes);
    check(cudaMemcpyAsync(to, block->memory, bytes, cudaMemcpyHostToDevice, stream), "upload");
    check(cudaEventRecord(block->copied, stream), "upload");
  }

 private:
  static constexpr std::size_t kMostBlocks = 16;

  // The one that was used first, if it is done; it is no longer among `blocks_`.
  Pinned* next() {
    if (blocks_.empty()) return make_pinned(bytes_, "upload");
    Pinned* oldest = blocks_.front();
    if (blocks_.size() < kMostBlocks) {
      const cudaError_t status = cudaEventQuery(oldest->copied);
      if (status == cudaErrorNotReady) {
        cudaGetLastError();  // no error
        return make_pinned(bytes_, "upload");
      }
      check(status, "upload");
    } else {
      check(cudaEventSynchronize(oldest->copied), "upload");
    }
    blocks_.pop_front();
    return oldest;
  }

  std::size_t bytes_;
  std::mutex mutex_;
  std::deque<Pinned*> blocks_;  // in the order of their use
};

}  // namespace densor::cuda
