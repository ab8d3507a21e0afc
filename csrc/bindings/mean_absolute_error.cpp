#include "ops/mean_absolute_error.h"

#include "bindings/loss.h"

namespace densor::bindings {

void bind_mean_absolute_error(py::module_& m) {
  bind_loss(m, "mean_absolute_error", ops::mean_absolute_error, "loss = mean over columns of |x - target|.");
}

}  // namespace densor::bindings
