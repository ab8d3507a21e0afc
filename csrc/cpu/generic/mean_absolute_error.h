// loss = mean over columns of |x - target|. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cpu/generic/column_loss.h"
#include "math/mean_absolute_error.h"

namespace densor::cpu {
namespace {

void fill_mean_absolute_error(Kernels& k) { k.mean_absolute_error = column_loss<math::MeanAbsoluteError>; }

}  // namespace
}  // namespace densor::cpu
