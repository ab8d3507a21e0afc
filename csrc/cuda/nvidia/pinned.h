// Pinned memory of the host: what copies go through for which nobody waits at once.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <mutex>
#include <vector>

#include "cuda/nvidia/status.h"

namespace densor::cuda {

// A block of it, and when the last copy from or to it is done.
struct Pinned {
  void* memory = nullptr;
  cudaEvent_t copied = nullptr;
};

// They are made many at once, because to pin memory keeps streams from running side by side, and last as long
// as the process: the driver may be gone before static objects are.
inline constexpr std::size_t kPinnedBlocks = 16;
inline Pinned* make_pinned(std::size_t bytes, const char* function) {
  void* memory = nullptr;
  check(cudaMallocHost(&memory, kPinnedBlocks * bytes), function);
  auto* made = new Pinned[kPinnedBlocks];
  for (std::size_t i = 0; i < kPinnedBlocks; ++i) {
    made[i].memory = static_cast<char*>(memory) + i * bytes;
    check(cudaEventCreateWithFlags(&made[i].copied, cudaEventDisableTiming), function);
  }
  return made;
}

// For what the device says: taken by who asks, given back by who has read the answer.
class Reports {
 public:
  explicit Reports(std::size_t bytes) : bytes_(bytes) {}

  Pinned* take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) {
      Pinned* made = make_pinned(bytes_, "ask");
      for (std::size_t i = 0; i < kPinnedBlocks; ++i) free_.push_back(made + i);
    }
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
    if (blocks_ == nullptr) blocks_ = make_pinned(bytes_, "upload");
    const Pinned& block = blocks_[next_];
    check(cudaEventSynchronize(block.copied), "upload");  // at once where it was never recorded
    std::memcpy(block.memory, from, bytes);
    next_ = (next_ + 1) % kPinnedBlocks;  // whatever comes of it, the copy may be on its way
    check(cudaMemcpyAsync(to, block.memory, bytes, cudaMemcpyHostToDevice, stream), "upload");
    check(cudaEventRecord(block.copied, stream), "upload");
  }

 private:
  std::size_t bytes_, next_ = 0;
  std::mutex mutex_;
  Pinned* blocks_ = nullptr;  // used in turn
};

}  // namespace densor::cuda
