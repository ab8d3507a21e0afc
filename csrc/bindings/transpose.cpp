#include "ops/transpose.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep transpose(const py::object& y, const py::object& x, const py::object& shape,
                    const py::object& axes) {
  const auto in = [](const char* name, const py::object& o) { return view_of("transpose", name, o); };
  return bound(ops::transpose(in("y", y), in("x", x), integers("transpose", "shape", shape, 0),
                              integers("transpose", "axes", axes)),
               y, x);
}

}  // namespace

void bind_transpose(py::module_& m) {
  m.def("transpose", &transpose, py::arg("y"), py::arg("x"), py::arg("shape"), py::arg("axes"),
        "Every row of x, whose axes are `shape`, with its axes in the order `axes`.");
}

}  // namespace densor::bindings
