#include "ops/rescale.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_rescale(py::module_& m) {
  m.def(
      "rescale",
      [](const py::object& y, const py::object& x, const py::object& scale, const py::object& offset) {
        const auto in = [](const char* name, const py::object& o) { return view_of("rescale", name, o); };
        return bound(ops::rescale(in("y", y), in("x", x), number("rescale", "scale", scale),
                                  number("rescale", "offset", offset)),
                     y, x);
      },
      py::arg("y"), py::arg("x"), py::arg("scale"), py::arg("offset"), "y = x * scale + offset; y may be x.");
}

}  // namespace densor::bindings
