#include "ops/mean_squared_error.h"

#include "bindings/loss.h"

namespace densor::bindings {

void bind_mean_squared_error(py::module_& m) {
  bind_loss(m, "mean_squared_error", ops::mean_squared_error, "loss = mean over columns of (x - target)^2.");
}

}  // namespace densor::bindings
