#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = x * scale + offset, both of one shape; y may be x.
Step rescale(const View& y, const View& x, double scale, double offset);

}  // namespace densor::ops
