// loss = mean over columns of |x - target|. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cuda/phases/column_loss.cuh"
#include "math/mean_absolute_error.h"

namespace densor::cuda {

template <>
struct ColumnLossKinds<math::MeanAbsoluteError> {
  static constexpr PhaseKind kRows = PhaseKind::mean_absolute_error;
  static constexpr PhaseKind kColumn = PhaseKind::mean_absolute_error_column;
};

}  // namespace densor::cuda
