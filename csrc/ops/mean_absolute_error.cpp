#include "ops/mean_absolute_error.h"

#include "cpu/dispatch.h"

namespace densor::ops {

Step mean_absolute_error(const LossViews& views, const LossScale& scale) {
  return column_loss("mean_absolute_error", views, scale, 0.2, cpu::active().mean_absolute_error,
                     &cuda::Launchers::mean_absolute_error);
}

}  // namespace densor::ops
