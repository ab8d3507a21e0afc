#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = a + b, all of one shape; y may be a or b.
Step add(const View& y, const View& a, const View& b);

}  // namespace densor::ops
