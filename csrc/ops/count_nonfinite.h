#pragma once

#include <cstdint>

#include "core/view.h"

namespace densor::ops {

struct Nonfinite {
  std::int64_t count;
  std::int64_t first;  // flat index in C order; -1: none
};

// The NaN and infinite values of a float32 or float64 array whose rows are contiguous, by all threads.
Nonfinite count_nonfinite(const View& array);

}  // namespace densor::ops
