#include "ops/elementary.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_elementary(py::module_& m) {
  m.def(
      "elementary",
      [](const py::object& y, const py::object& x, const py::object& function) {
        const auto in = [](const char* argument, const py::object& o) {
          return view_of("elementary", argument, o);
        };
        const math::Elementary f =
            ops::elementary_from_name("elementary", "name", name("elementary", "name", function));
        return bound(ops::elementary(in("y", y), in("x", x), f), y, x);
      },
      py::arg("y"), py::arg("x"), py::arg("name"),
      "y = f(x) for f = exp, expm1, log, log1p, tanh, sigmoid or erf; y may be x.");
}

}  // namespace densor::bindings
