#include "ops/image_blur.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep image_blur(const py::object& y, const py::object& x, const py::object& parameters,
                     const py::object& shape, const py::object& kernel_size, const py::object& low,
                     const py::object& high) {
  constexpr const char* kFunction = "image_blur";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kFunction, argument, o); };
  return bound(
      ops::image_blur(in("y", y), in("x", x), in("parameters", parameters),
                      integers(kFunction, "shape", shape), integers(kFunction, "kernel_size", kernel_size),
                      number(kFunction, "low", low), number(kFunction, "high", high)),
      y, x, parameters);
}

}  // namespace

void bind_image_blur(py::module_& m) {
  m.def("image_blur", &image_blur, py::arg("y"), py::arg("x"), py::arg("parameters"), py::arg("shape"),
        py::arg("kernel_size"), py::arg("low"), py::arg("high"),
        "Images, each blurred by Gaussians of its own deviations; zeros outside.");
}

}  // namespace densor::bindings
