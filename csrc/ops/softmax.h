#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = softmax of each row of x, both (rows, cols); y may be x.
Step softmax_forward(const View& y, const View& x);

// dx = y * (dy - sum(dy * y)) in each row, all (rows, cols); dx may be dy.
Step softmax_backward(const View& dx, const View& dy, const View& y);

}  // namespace densor::ops
