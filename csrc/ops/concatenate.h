#pragma once

#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y (rows, sum of columns) = the xs side by side.
Step concatenate(const View& y, const std::vector<View>& xs);

// Each of the dxs = its columns of dy.
Step concatenate_backward(const std::vector<View>& dxs, const View& dy);

}  // namespace densor::ops
