#include "ops/sigmoid_cross_entropy.h"

#include "bindings/loss.h"

namespace densor::bindings {

void bind_sigmoid_cross_entropy(py::module_& m) {
  bind_loss(m, "sigmoid_cross_entropy", ops::sigmoid_cross_entropy,
            "loss = mean over columns of the cross-entropy of sigmoid(x) against the target.");
}

}  // namespace densor::bindings
