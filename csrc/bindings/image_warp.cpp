#include "ops/image_warp.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep image_warp(const py::object& y, const py::object& x, const py::object& parameters,
                     const py::object& field, const py::object& kind, const py::object& shape,
                     const py::object& target, const py::object& fill_mode, const py::object& fill_value,
                     const py::object& nearest) {
  constexpr const char* kFunction = "image_warp";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kFunction, argument, o); };
  const ops::ImageWarpOptions options{ops::image_warp_kind(kFunction, "kind", name(kFunction, "kind", kind)),
                                      integers(kFunction, "shape", shape),
                                      integers(kFunction, "target", target),
                                      name(kFunction, "fill_mode", fill_mode),
                                      number(kFunction, "fill_value", fill_value),
                                      flag(kFunction, "nearest", nearest)};
  return bound(
      ops::image_warp(in("y", y), in("x", x), in("parameters", parameters), in("field", field), options), y,
      x, parameters, field);
}

}  // namespace

void bind_image_warp(py::module_& m) {
  m.def("image_warp", &image_warp, py::arg("y"), py::arg("x"), py::arg("parameters"), py::arg("field"),
        py::arg("kind"), py::arg("shape"), py::arg("target"), py::arg("fill_mode"), py::arg("fill_value"),
        py::arg("nearest"),
        "Images, each read along a map of its own parameters; see csrc/math/image_warp_kind.h.");
}

}  // namespace densor::bindings
