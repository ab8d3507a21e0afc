#pragma once

#include "ops/shared/loss.h"

namespace densor::ops {

// loss = mean over columns of the cross-entropy of sigmoid(x) against the target.
// target (rows, cols), or (rows, 1) for all columns; loss (rows,) is unweighted; dx, if present, is the
// gradient times scale * weight.
Step sigmoid_cross_entropy(const LossViews& views, const LossScale& scale);

}  // namespace densor::ops
