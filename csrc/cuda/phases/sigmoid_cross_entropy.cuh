// loss = mean over columns of the cross-entropy of sigmoid(x) against the target. Reads 8 bytes an element
// and writes 4 (0 without dx).
#pragma once

#include "cuda/phases/column_loss.cuh"
#include "math/sigmoid_cross_entropy.h"

namespace densor::cuda {

template <>
struct ColumnLossKinds<math::SigmoidCrossEntropy> {
  static constexpr PhaseKind kRows = PhaseKind::sigmoid_cross_entropy;
  static constexpr PhaseKind kColumn = PhaseKind::sigmoid_cross_entropy_column;
};

}  // namespace densor::cuda
