#include "ops/activation.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

math::Activation named(const char* function, const py::object& activation) {
  return ops::activation_from_name(function, "activation", name(function, "activation", activation));
}

BoundStep activation_forward(const py::object& y, const py::object& x, const py::object& activation,
                             const py::object& alpha) {
  constexpr const char* kFunction = "activation_forward";
  return bound(ops::activation_forward(view_of(kFunction, "y", y), view_of(kFunction, "x", x),
                                       named(kFunction, activation), number(kFunction, "alpha", alpha)),
               y, x);
}

BoundStep activation_backward(const py::object& dx, const py::object& dy, const py::object& saved,
                              const py::object& activation, const py::object& alpha) {
  constexpr const char* kFunction = "activation_backward";
  return bound(ops::activation_backward(view_of(kFunction, "dx", dx), view_of(kFunction, "dy", dy),
                                        view_of(kFunction, "saved", saved), named(kFunction, activation),
                                        number(kFunction, "alpha", alpha)),
               dx, dy, saved);
}

const char* saves(const py::object& activation) {
  return math::saves_input(named("activation_saves", activation)) ? "input" : "output";
}

}  // namespace

void bind_activation(py::module_& m) {
  m.def("activation_forward", &activation_forward, py::arg("y"), py::arg("x"), py::arg("activation"),
        py::arg("alpha"), "y = activation(x); y may be x.");
  m.def("activation_backward", &activation_backward, py::arg("dx"), py::arg("dy"), py::arg("saved"),
        py::arg("activation"), py::arg("alpha"), "dx = dy * activation'(saved); dx may be dy.");
  m.def("activation_saves", &saves, py::arg("activation"),
        "What the backward pass reads: 'input' or 'output' of the activation.");
}

}  // namespace densor::bindings
