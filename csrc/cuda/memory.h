// Device memory that its owner gives back: tables that a step's kernels read, working memory of a run.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"
#include "cuda/pool.h"

namespace densor::cuda {

// Memory that other libraries had and have let go of. Their streams, which nobody knows, may still use it, so
// the host has to wait for all of them: once for many blocks.
class LetGo {
 public:
  void add(const Block& block, std::size_t bytes) noexcept {
    if (full()) release();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (count_ == kMostBlocks) return;  // nobody can wait: rather lost than overwritten while it is read
      blocks_[count_++] = {block, bytes};
      bytes_ += bytes;
    }
    if (full()) release();  // a large one does not wait for the next
  }
  // Whether there was any.
  bool release() noexcept {
    Blocks taken;
    const std::size_t count = take(taken);
    if (count == 0) return false;
    // Outside of the lock: see Pool.
    if (!runtime().wait_for_everyone()) {
      put_back(taken, count);
      return false;
    }
    for (std::size_t i = 0; i < count; ++i) give_back(taken[i].block);
    return true;
  }

 private:
  static constexpr std::size_t kMostBlocks = 256, kMostBytes = std::size_t{256} << 20;
  struct Sized {
    Block block;
    std::size_t bytes = 0;
  };
  using Blocks = std::array<Sized, kMostBlocks>;

  bool full() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_ == kMostBlocks || bytes_ > kMostBytes;
  }
  std::size_t take(Blocks& taken) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::copy_n(blocks_.begin(), count_, taken.begin());
    bytes_ = 0;
    return std::exchange(count_, 0);
  }
  void put_back(const Blocks& taken, std::size_t count) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = 0; i < count && count_ < kMostBlocks; ++i) {
      blocks_[count_++] = taken[i];
      bytes_ += taken[i].bytes;
    }
  }

  std::mutex mutex_;
  Blocks blocks_;
  std::size_t count_ = 0, bytes_ = 0;
};

inline LetGo& let_go() {
  static auto* it = new LetGo;  // arrays may outlive everything else
  return *it;
}

class Memory {
 public:
  explicit Memory(std::size_t bytes) : block_(bytes > 0 ? allocate(bytes) : Block{}), bytes_(bytes) {}
  ~Memory() {
    if (block_.data == nullptr) return;
    if (lent_)
      let_go().add(block_, bytes_);
    else
      give_back(block_);
  }
  Memory(const Memory&) = delete;

  // Another library may use it from now on, on a stream of its own, and still do so when it has let go of it.
  void lend() const { lent_ = true; }
  bool lent() const { return lent_; }

  template <class T>
  T* as() const {
    return static_cast<T*>(block_.data);
  }
  template <class T>
  void fill(const T* values, std::int64_t count) const {
    if (block_.data != nullptr)
      runtime().upload(block_.data, values, sizeof(T) * static_cast<std::size_t>(count));
  }

 private:
  static Block allocate(std::size_t bytes) {
    try {
      return take_block(bytes);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_memory || !let_go().release()) throw;
      return take_block(bytes);
    }
  }

  Block block_;
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
