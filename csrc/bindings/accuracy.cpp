#include "ops/accuracy.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_accuracy(py::module_& m) {
  m.def(
      "accuracy",
      [](const py::object& correct, const py::object& x, const py::object& target, const py::object& kind,
         const py::object& threshold) {
        const auto in = [](const char* argument, const py::object& o) {
          return view_of("accuracy", argument, o);
        };
        return bound(
            ops::accuracy(in("correct", correct), in("x", x), in("target", target),
                          name("accuracy", "kind", kind), number("accuracy", "threshold", threshold)),
            correct, x, target);
      },
      py::arg("correct"), py::arg("x"), py::arg("target"), py::arg("kind"), py::arg("threshold"),
      "Accuracy of each row; kind: sparse, categorical or binary.");
}

}  // namespace densor::bindings
