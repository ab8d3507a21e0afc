#include "ops/gaussian_noise.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep noise(const py::object& y, const py::object& x, const py::object& stddev,
                const py::object& multiplies, const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "gaussian_noise";
  return bound(
      ops::gaussian_noise(view_of(kFunction, "y", y), view_of(kFunction, "x", x),
                          number(kFunction, "stddev", stddev), flag(kFunction, "multiplies", multiplies),
                          word(kFunction, "seed", seed),
                          static_cast<std::uint32_t>(integer(kFunction, "stream", stream, 0, UINT32_MAX))),
      y, x);
}

}  // namespace

void bind_gaussian_noise(py::module_& m) {
  m.def("gaussian_noise", &noise, py::arg("y"), py::arg("x"), py::arg("stddev"), py::arg("multiplies"),
        py::arg("seed"), py::arg("stream"), "y = x + noise, or x (1 + noise); y may be x.");
}

}  // namespace densor::bindings
