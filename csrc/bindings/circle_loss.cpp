#include "ops/circle_loss.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep circle_loss(const py::object& loss, const py::object& dx, const py::object& x,
                      const py::object& label, const py::object& reference, const py::object& gamma,
                      const py::object& margin, const py::object& without_diagonal) {
  constexpr const char* kFunction = "circle_loss";
  return bound(ops::circle_loss(view_of(kFunction, "loss", loss), view_of(kFunction, "dx", dx),
                                view_of(kFunction, "x", x), view_of(kFunction, "label", label),
                                view_of(kFunction, "reference", reference), number(kFunction, "gamma", gamma),
                                number(kFunction, "margin", margin),
                                flag(kFunction, "without_diagonal", without_diagonal)),
               loss, dx, x, label, reference);
}

}  // namespace

void bind_circle_loss(py::module_& m) {
  m.def("circle_loss", &circle_loss, py::arg("loss"), py::arg("dx"), py::arg("x"), py::arg("label"),
        py::arg("reference"), py::arg("gamma"), py::arg("margin"), py::arg("without_diagonal"),
        "Circle loss of the rows of similarities x, and its derivative by x; dx may be x.");
}

}  // namespace densor::bindings
