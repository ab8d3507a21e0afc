#pragma once

#include <cstdint>

#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

struct Nonfinite {
  std::int64_t count;
  std::int64_t first;  // flat index in C order; -1: none
};

// The NaN and infinite values of a float32 or float64 array whose rows are contiguous, by all threads.
Nonfinite count_nonfinite(const View& array);

// Throws when it runs and the first entry of one of `totals` (float64 (2,), the sums of the losses) or a
// gradient (float32 (n,)) is not finite. As the last step of a batch's compute phase it keeps such a batch
// from changing anything but the sums.
Step refuse_nonfinite(const std::vector<View>& totals, const View& gradients);

}  // namespace densor::ops
