#include "ops/dropout.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep forward(const py::object& y, const py::object& mask, const py::object& x, const py::object& rate,
                  const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "dropout_forward";
  const auto in = [](const char* name, const py::object& o) { return view_of(kFunction, name, o); };
  return bound(
      ops::dropout_forward(in("y", y), in("mask", mask), in("x", x), number(kFunction, "rate", rate),
                           word(kFunction, "seed", seed),
                           static_cast<std::uint32_t>(integer(kFunction, "stream", stream, 0, UINT32_MAX))),
      y, mask, x);
}

BoundStep backward(const py::object& dx, const py::object& dy, const py::object& mask,
                   const py::object& rate) {
  constexpr const char* kFunction = "dropout_backward";
  const auto in = [](const char* name, const py::object& o) { return view_of(kFunction, name, o); };
  return bound(
      ops::dropout_backward(in("dx", dx), in("dy", dy), in("mask", mask), number(kFunction, "rate", rate)),
      dx, dy, mask);
}

}  // namespace

void bind_dropout(py::module_& m) {
  m.def("dropout_forward", &forward, py::arg("y"), py::arg("mask"), py::arg("x"), py::arg("rate"),
        py::arg("seed"), py::arg("stream"), "y = keep ? x / (1 - rate) : 0, and the mask; y may be x.");
  m.def("dropout_backward", &backward, py::arg("dx"), py::arg("dy"), py::arg("mask"), py::arg("rate"),
        "dx = keep ? dy / (1 - rate) : 0; dx may be dy.");
}

}  // namespace densor::bindings
