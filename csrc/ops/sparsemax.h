#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = sparsemax of each row of x, both (rows, cols); y may be x.
Step sparsemax(const View& y, const View& x);

}  // namespace densor::ops
