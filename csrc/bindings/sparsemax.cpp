#include "ops/sparsemax.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_sparsemax(py::module_& m) {
  m.def(
      "sparsemax",
      [](const py::object& y, const py::object& x) {
        return bound(ops::sparsemax(view_of("sparsemax", "y", y), view_of("sparsemax", "x", x)), y, x);
      },
      py::arg("y"), py::arg("x"), "y = sparsemax of each row of x; y may be x.");
}

}  // namespace densor::bindings
