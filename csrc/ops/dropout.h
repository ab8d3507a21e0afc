#pragma once

#include <cstdint>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// y = keep ? x / (1 - rate) : 0, both (rows, cols), and the mask uint16 (rows, ceil(cols / 16)) of what was
// kept; y may be x. 0 <= rate < 1. The noise depends on seed, stream, the step being run, row and column.
Step dropout_forward(const View& y, const View& mask, const View& x, double rate, std::uint64_t seed,
                     std::uint32_t stream);

// dx = keep ? dy / (1 - rate) : 0; dx may be dy.
Step dropout_backward(const View& dx, const View& dy, const View& mask, double rate);

}  // namespace densor::ops
