// loss = mean over columns of (x - target)^2. Reads 8 bytes an element and writes 4 (0 without dx).
#pragma once

#include "cuda/phases/column_loss.cuh"
#include "math/mean_squared_error.h"

namespace densor::cuda {

template <>
struct ColumnLossKinds<math::MeanSquaredError> {
  static constexpr PhaseKind kRows = PhaseKind::mean_squared_error;
  static constexpr PhaseKind kColumn = PhaseKind::mean_squared_error_column;
};

}  // namespace densor::cuda
