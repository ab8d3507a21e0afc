// What phases write, put back in the end: what they computed was for the clock.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "cuda/phases.h"

namespace densor {

class PutBack {
 public:
  explicit PutBack(const cuda::Phases& phases) : spans_(phases.written()) {
    for (const cuda::Span& span : spans_) {
      kept_.push_back(std::make_unique<cuda::Memory>(static_cast<std::size_t>(span.bytes)));
      copy(kept_.back()->as<void>(), span.begin, span);
    }
  }
  // Throws what a device says that fails.
  void now() const {
    for (std::size_t i = 0; i < spans_.size(); ++i)
      copy(const_cast<void*>(spans_[i].begin), kept_[i]->as<void>(), spans_[i]);
  }

 private:
  static void copy(void* to, const void* from, const cuda::Span& span) {
    cuda::runtime().copy(to, from, static_cast<std::size_t>(span.bytes));
  }

  std::vector<cuda::Span> spans_;
  std::vector<std::unique_ptr<cuda::Memory>> kept_;
};

}  // namespace densor
