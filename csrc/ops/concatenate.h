#pragma once

#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y (rows, sum of columns) = the xs side by side.
Step concatenate(const View& y, const std::vector<View>& xs);

// Each of the dxs = its columns of dy.
Step concatenate_backward(const std::vector<View>& dxs, const View& dy);

// y (rows, cols) = the columns of the wider x from `first` on.
Step slice_columns(const View& y, const View& x, std::int64_t first);

// dx = dy in those columns, 0 in all others.
Step slice_columns_backward(const View& dx, const View& dy, std::int64_t first);

}  // namespace densor::ops
