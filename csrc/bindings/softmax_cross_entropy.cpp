#include "ops/softmax_cross_entropy.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_softmax_cross_entropy(py::module_& m) {
  m.def(
      "softmax_cross_entropy",
      [](const py::object& loss, const py::object& dx, const py::object& x, const py::object& target,
         const py::object& weight, const py::object& scale, const py::object& mean,
         const py::object& correct) {
        constexpr const char* kName = "softmax_cross_entropy";
        const auto in = [](const char* argument, const py::object& o) { return view_of(kName, argument, o); };
        const ops::LossViews views{in("loss", loss), in("dx", dx), in("x", x), in("target", target),
                                   in("weight", weight)};
        return bound(
            ops::softmax_cross_entropy(views, {number(kName, "scale", scale), flag(kName, "mean", mean)},
                                       in("correct", correct)),
            loss, dx, x, target, weight, correct);
      },
      py::arg("loss"), py::arg("dx"), py::arg("x"), py::arg("target"), py::arg("weight"), py::arg("scale"),
      py::arg("mean") = false, py::arg("correct") = py::none(),
      "Cross-entropy of softmax(x) against labels int32 (rows,) or rows of probabilities; correct, on a "
      "device: the accuracy of each row.");
}

}  // namespace densor::bindings
