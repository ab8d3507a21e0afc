// Device memory that its owner gives back: tables that a step's kernels read, working memory of a run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "cuda/launch.h"

namespace densor::cuda {

// Memory that other libraries had and have let go of. Their streams, which nobody knows, may still use it, so
// the host has to wait for all of them: once for many blocks.
class LetGo {
 public:
  void add(void* memory, std::size_t bytes) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (count_ == kMostBlocks || bytes_ + bytes > kMostBytes) release_all();
    if (count_ == kMostBlocks) return;  // nobody can wait: rather lost than overwritten while it is read
    blocks_[count_++] = memory;
    bytes_ += bytes;
    if (bytes_ > kMostBytes) release_all();  // a large one does not wait for the next
  }
  // Whether there was any.
  bool release() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return release_all();
  }

 private:
  static constexpr std::size_t kMostBlocks = 256, kMostBytes = std::size_t{256} << 20;

  bool release_all() noexcept {
    if (count_ == 0 || !runtime().wait_for_everyone()) return false;
    for (std::size_t i = 0; i < count_; ++i) runtime().release(blocks_[i]);
    count_ = bytes_ = 0;
    return true;
  }

  std::mutex mutex_;
  void* blocks_[kMostBlocks];
  std::size_t count_ = 0, bytes_ = 0;
};

inline LetGo& let_go() {
  static auto* it = new LetGo;  // arrays may outlive everything else
  return *it;
}

class Memory {
 public:
  explicit Memory(std::size_t bytes) : data_(bytes > 0 ? allocate(bytes) : nullptr), bytes_(bytes) {}
  ~Memory() {
    if (data_ == nullptr) return;
    if (lent_)
      let_go().add(data_, bytes_);
    else
      runtime().release(data_);
  }
  Memory(const Memory&) = delete;

  // Another library may use it from now on, on a stream of its own, and still do so when it has let go of it.
  void lend() const { lent_ = true; }
  bool lent() const { return lent_; }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  template <class T>
  void fill(const T* values, std::int64_t count) const {
    if (data_ != nullptr) runtime().upload(data_, values, sizeof(T) * static_cast<std::size_t>(count));
  }

 private:
  static void* allocate(std::size_t bytes) {
    try {
      return runtime().allocate(bytes);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_memory || !let_go().release()) throw;
      return runtime().allocate(bytes);
    }
  }

  void* data_;
  std::size_t bytes_;
  mutable std::atomic<bool> lent_ = false;
};

// A copy of the values in device memory.
template <class T>
std::shared_ptr<const Memory> copy_to_device(const std::vector<T>& values) {
  auto memory = std::make_shared<const Memory>(sizeof(T) * values.size());
  memory->fill(values.data(), static_cast<std::int64_t>(values.size()));
  return memory;
}

}  // namespace densor::cuda
