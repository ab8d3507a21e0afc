#include "ops/mean_squared_error.h"

#include "cpu/dispatch.h"

namespace densor::ops {

Step mean_squared_error(const LossViews& views, const LossScale& scale) {
  return column_loss("mean_squared_error", views, scale, 0.2, cpu::active().mean_squared_error,
                     &cuda::Launchers::mean_squared_error);
}

}  // namespace densor::ops
