#include "ops/softmax_cross_entropy.h"

#include "bindings/loss.h"

namespace densor::bindings {

void bind_softmax_cross_entropy(py::module_& m) {
  bind_loss(m, "softmax_cross_entropy", ops::softmax_cross_entropy,
            "Cross-entropy of softmax(x) against labels int32 (rows,) or rows of probabilities.");
}

}  // namespace densor::bindings
