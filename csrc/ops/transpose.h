#pragma once

#include <cstdint>
#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Every row of x (rows, features) has the axes `shape`; y (rows, features) has them in the order `axes`: axis
// i of the output is axis axes[i] of the input.
Step transpose(const View& y, const View& x, const std::vector<std::int64_t>& shape,
               const std::vector<std::int64_t>& axes);

}  // namespace densor::ops
