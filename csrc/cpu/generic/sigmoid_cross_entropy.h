// loss = mean over columns of the cross-entropy of sigmoid(x) against the target. Reads 8 bytes an element
// and writes 4 (0 without dx).
#pragma once

#include "cpu/generic/column_loss.h"
#include "math/sigmoid_cross_entropy.h"

namespace densor::cpu {
namespace {

void fill_sigmoid_cross_entropy(Kernels& k) {
  k.sigmoid_cross_entropy = column_loss<math::SigmoidCrossEntropy>;
}

}  // namespace
}  // namespace densor::cpu
