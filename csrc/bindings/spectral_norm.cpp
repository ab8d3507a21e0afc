#include "ops/spectral_norm.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep spectral_norm(const py::object& kernel, const py::object& u, const py::object& v,
                        const py::object& iterations) {
  constexpr const char* kFunction = "spectral_norm";
  return bound(ops::spectral_norm(view_of(kFunction, "kernel", kernel), view_of(kFunction, "u", u),
                                  view_of(kFunction, "v", v), integer(kFunction, "iterations", iterations)),
               kernel, u, v);
}

}  // namespace

void bind_spectral_norm(py::module_& m) {
  m.def("spectral_norm", &spectral_norm, py::arg("kernel"), py::arg("u"), py::arg("v"), py::arg("iterations"),
        "kernel divided by its largest singular value, found by power iteration from u, which goes on.");
}

}  // namespace densor::bindings
