#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// totals float64 (2,): totals[0] += sum(values * weight), totals[1] += rows. values and weight (or absent)
// float32 (rows,). Added row by row in double by one worker: the same bits for any number of threads.
// A device adds in another order, fixed too.
Step accumulate(const View& totals, const View& values, const View& weight);

}  // namespace densor::ops
