// loss = mean over columns of the cross-entropy of sigmoid(x) against the target. Reads 8 bytes an element
// and writes 4 (0 without dx).
#include "cuda/device/column_loss.cuh"

#include "cuda/table.h"
#include "math/sigmoid_cross_entropy.h"

namespace densor::cuda {

void fill_sigmoid_cross_entropy(Launchers& table) {
  table.sigmoid_cross_entropy = column_loss<math::SigmoidCrossEntropy>;
}

}  // namespace densor::cuda
