#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = (x - mean) / max(sqrt(variance), epsilon) of every column, or back where `invert`; x, y (rows, cols),
// mean and variance (cols,). mean may be absent: the gradient is the same map of dy without it. y may be x.
Step standardize(const View& y, const View& x, const View& mean, const View& variance, double epsilon,
                 bool invert);

}  // namespace densor::ops
