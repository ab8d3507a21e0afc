#include "ops/image_color.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep image_color(const py::object& y, const py::object& x, const py::object& other,
                      const py::object& parameters, const py::object& kind, const py::object& shape,
                      const py::object& low, const py::object& high) {
  constexpr const char* kFunction = "image_color";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kFunction, argument, o); };
  return bound(ops::image_color(in("y", y), in("x", x), in("other", other), in("parameters", parameters),
                                ops::image_color_kind(kFunction, "kind", name(kFunction, "kind", kind)),
                                integers(kFunction, "shape", shape), number(kFunction, "low", low),
                                number(kFunction, "high", high)),
               y, x, other, parameters);
}

}  // namespace

void bind_image_color(py::module_& m) {
  m.def("image_color", &image_color, py::arg("y"), py::arg("x"), py::arg("other"), py::arg("parameters"),
        py::arg("kind"), py::arg("shape"), py::arg("low"), py::arg("high"),
        "Images, the values of each changed by its own parameters; see csrc/math/image_color_kind.h.");
}

}  // namespace densor::bindings
