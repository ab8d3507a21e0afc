#include "core/scratch.h"

#include <cstdlib>
#include <new>
#include <utility>

namespace densor {

namespace {

constexpr std::int64_t kPage = 4096;

}  // namespace

void Scratch::Free::operator()(float* p) const { std::free(p); }

Scratch::Block& Scratch::kept() {
  thread_local Block block;
  return block;
}

Scratch::Block Scratch::allocate(std::int64_t floats) {
  const std::int64_t bytes = (floats * 4 + kPage - 1) / kPage * kPage;
  auto* memory = static_cast<float*>(std::aligned_alloc(kPage, static_cast<std::size_t>(bytes)));
  if (memory == nullptr) throw std::bad_alloc();
  return {std::unique_ptr<float, Free>(memory), bytes / 4};
}

Scratch::Scratch(std::int64_t floats) : block_(std::exchange(kept(), {})) {
  if (block_.floats >= floats) return;
  block_ = {};  // before the larger block is asked for
  block_ = allocate(floats);
}

Scratch::~Scratch() {
  if (block_.floats >= kept().floats) kept() = std::move(block_);
}

}  // namespace densor
