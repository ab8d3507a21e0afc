// Where device memory comes from: the pool of the CUDA run time, or that of another library in this process.
#pragma once

#include <atomic>
#include <cstddef>

#include "cuda/launch.h"

namespace densor::cuda {

struct Pool;

struct Block {
  void* data = nullptr;
  const Pool* pool = nullptr;  // another library's; null: the run time's
  void* owner = nullptr;       // by which that library knows the block
};

// Another library's. Its functions may wait for the interpreter's lock: whoever calls them holds no lock that
// others wait for with that one in their hands.
struct Pool {
  Block (*allocate)(std::size_t bytes);  // in the order of our stream; throws Error(device_memory)
  void (*release)(const Block& block) noexcept;
};

// The one that blocks are taken from; null: the run time's.
inline std::atomic<const Pool*>& chosen_pool() {
  static std::atomic<const Pool*> it = nullptr;
  return it;
}

inline Block take_block(std::size_t bytes) {
  const Pool* pool = chosen_pool();
  return pool != nullptr ? pool->allocate(bytes) : Block{runtime().allocate(bytes)};
}

inline void give_back(const Block& block) noexcept {
  block.pool != nullptr ? block.pool->release(block) : runtime().release(block.data);
}

}  // namespace densor::cuda
