#pragma once

#include "ops/shared/loss.h"

namespace densor::ops {

// loss = -sum over classes of target * log(softmax(x)). target: labels int32 (rows,), checked when the step
// runs, or float32 (rows, classes). loss (rows,) is unweighted; dx, if present, is the gradient times
// scale * weight. On a device, which looks at labels only when it computes, a label outside [0, classes)
// gives loss NaN. correct (rows,), on a device, or absent: what `accuracy` says of x and this target.
Step softmax_cross_entropy(const LossViews& views, const LossScale& scale, const View& correct);

}  // namespace densor::ops
