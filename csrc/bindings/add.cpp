#include "ops/add.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_add(py::module_& m) {
  m.def(
      "add",
      [](const py::object& y, const py::object& a, const py::object& b) {
        const auto in = [](const char* name, const py::object& o) { return view_of("add", name, o); };
        return bound(ops::add(in("y", y), in("a", a), in("b", b)), y, a, b);
      },
      py::arg("y"), py::arg("a"), py::arg("b"), "y = a + b; y may be a or b.");
}

}  // namespace densor::bindings
