#include "ops/sigmoid_cross_entropy.h"

#include "cpu/dispatch.h"

namespace densor::ops {

Step sigmoid_cross_entropy(const LossViews& views, const LossScale& scale) {
  return column_loss("sigmoid_cross_entropy", views, scale, 1.0, cpu::active().sigmoid_cross_entropy,
                     &cuda::Launchers::sigmoid_cross_entropy);
}

}  // namespace densor::ops
