#pragma once

#include "ops/shared/loss.h"

namespace densor::ops {

// loss = mean over columns of |x - target|.
// target (rows, cols), or (rows, 1) for all columns; loss (rows,) is unweighted; dx, if present, is the
// gradient times scale * weight.
Step mean_absolute_error(const LossViews& views, const LossScale& scale);

}  // namespace densor::ops
