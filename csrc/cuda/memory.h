// Device memory that its owner gives back: tables that a step's kernels read, working memory of a run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/launch.h"

namespace densor::cuda {

class Memory {
 public:
  explicit Memory(std::size_t bytes) : data_(bytes > 0 ? runtime().allocate(bytes) : nullptr) {}
  ~Memory() {
    if (data_ == nullptr) return;
    if (lent_) runtime().wait_for_everyone();
    runtime().release(data_);
  }
  Memory(const Memory&) = delete;

  // Another library may read it from now on, on a stream of its own, and still do so when it has let go of
  // it.
  void lend() const { lent_ = true; }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  template <class T>
  void fill(const T* values, std::int64_t count) const {
    if (data_ != nullptr) runtime().upload(data_, values, sizeof(T) * static_cast<std::size_t>(count));
  }

 private:
  void* data_;
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
