#pragma once

#include <vector>

#include "core/step.h"
#include "core/view.h"
#include "ops/shared/computed_gradients.h"
#include "ops/shared/counting.h"

namespace densor::ops {

// The NaN and infinite values of a float32 or float64 array whose rows are contiguous, by all threads.
Found count_nonfinite(const View& array);

// Throws when it runs and the first entry of one of `totals` (float64 (2,), the sums of the losses) or a
// gradient is not finite. As the first step of a batch's update phase it keeps such a batch from changing
// anything but the sums. `bounds` as for the optimizer; gradients that are `computed` are known by what they
// are made of, which is less to read, and are computed only where that leaves a doubt. On a device, where all
// are stored, it only marks the batch; the kernels behind it respect that, and the run throws when the host
// looks next.
Step refuse_nonfinite(const std::vector<View>& totals, const View& gradients, const View& bounds,
                      const ComputedGradients& computed);

}  // namespace densor::ops
