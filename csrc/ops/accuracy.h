#pragma once

#include <string>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// correct (rows,) of x (rows, cols). kind "sparse": argmax(x) == target int32 (rows,), checked when the step
// runs; "categorical": argmax(x) == argmax(target); "binary": mean over columns of (x > threshold) == target,
// target float32 (rows, cols). The first of equal maxima counts. On a
// device a label that is no class is not refused, but never right.
Step accuracy(const View& correct, const View& x, const View& target, const std::string& kind,
              double threshold);

}  // namespace densor::ops
