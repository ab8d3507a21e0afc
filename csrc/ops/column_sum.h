#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// sum (1, cols) = the sum over the rows of x (rows, cols).
Step column_sum(const View& sum, const View& x);

}  // namespace densor::ops
