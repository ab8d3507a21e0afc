// loss = mean over columns of (x - target)^2. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cpu/generic/column_loss.h"
#include "math/mean_squared_error.h"

namespace densor::cpu {
namespace {

void fill_mean_squared_error(Kernels& k) { k.mean_squared_error = column_loss<math::MeanSquaredError>; }

}  // namespace
}  // namespace densor::cpu
