#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = x, of which one is float32 and the other bfloat16; (rows, cols) both. Rounds to nearest, ties to even.
Step cast(const View& y, const View& x);

}  // namespace densor::ops
