#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// w (outer, reduced, inner), in place: every vector along the middle axis is multiplied by
// (rate clip(norm, low, high) + (1 - rate) norm) / (norm + 1e-7).
Step norm_constraint(const View& w, double low, double high, double rate);

}  // namespace densor::ops
