#pragma once

#include "core/view.h"
#include "ops/shared/counting.h"

namespace densor::ops {

// The values of an array, whose rows are contiguous, that are no whole numbers in [0, classes) and not
// `ignored` (NaN: nothing is ignored). On a device one kernel counts them: nobody else sees labels that are
// there.
Found label_range(const View& labels, std::int64_t classes, double ignored);

}  // namespace densor::ops
