#include "cuda/phases/sigmoid_cross_entropy.cuh"

#include "cuda/table.h"

namespace densor::cuda {

void fill_sigmoid_cross_entropy(Launchers& table) {
  table.sigmoid_cross_entropy = column_loss<math::SigmoidCrossEntropy>;
}

}  // namespace densor::cuda
