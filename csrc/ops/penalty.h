#pragma once

#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Penalties l1 sum |x| + l2 sum x^2 of arrays of any shape. `totals` float64 (2,) or absent: its first number
// grows by weight * (sum of all penalties). `dxs` none or one for each of `xs`: scale * (l1 sign(x) + 2 l2
// x), added to dx where `add`. `l1`, `l2` float64 (k,). `by_rows`: the weight counts the rows of a batch, on
// a device those of the batch at hand where these are fewer.
Step penalty(const View& totals, const std::vector<View>& xs, const std::vector<View>& dxs, const View& l1,
             const View& l2, double weight, double scale, bool add, bool by_rows);

}  // namespace densor::ops
