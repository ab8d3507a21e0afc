// How columns are cut into panels and rows into tiles of nearly equal size. Kernels and plans agree by
// calling this.
#pragma once

#include <cstdint>

namespace densor::cpu {
namespace {

// `n` units in parts of at most `largest`; the first parts are the larger ones.
class Parts {
 public:
  Parts(std::int64_t n, std::int64_t largest)
      : count_((n + largest - 1) / largest),
        size_(count_ > 0 ? n / count_ : 0),
        larger_(count_ > 0 ? n % count_ : 0) {}

  std::int64_t count() const { return count_; }
  // First unit of part i; the end for i == count().
  std::int64_t begin(std::int64_t i) const { return size_ * i + (i < larger_ ? i : larger_); }

 private:
  std::int64_t count_, size_, larger_;
};

}  // namespace
}  // namespace densor::cpu
