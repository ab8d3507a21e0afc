#include "ops/layer_norm.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

ops::LayerNormOptions options_of(const char* function, const py::object& epsilon, const py::object& kind) {
  return {number(function, "epsilon", epsilon),
          ops::layer_norm_kind(function, "kind", name(function, "kind", kind))};
}

BoundStep layer_norm_forward(const py::object& y, const py::object& statistics, const py::object& x,
                             const py::object& gamma, const py::object& beta, const py::object& epsilon,
                             const py::object& kind) {
  constexpr const char* kFunction = "layer_norm_forward";
  const auto in = [](const char* name, const py::object& o) { return view_of(kFunction, name, o); };
  return bound(
      ops::layer_norm_forward(in("y", y), in("statistics", statistics), in("x", x), in("gamma", gamma),
                              in("beta", beta), options_of(kFunction, epsilon, kind)),
      y, statistics, x, gamma, beta);
}

BoundStep layer_norm_backward(const py::object& dx, const py::object& dgamma, const py::object& dbeta,
                              const py::object& dy, const py::object& x, const py::object& statistics,
                              const py::object& gamma, const py::object& epsilon, const py::object& kind) {
  constexpr const char* kFunction = "layer_norm_backward";
  const auto in = [](const char* name, const py::object& o) { return view_of(kFunction, name, o); };
  return bound(ops::layer_norm_backward({in("dx", dx), in("dgamma", dgamma), in("dbeta", dbeta)},
                                        in("dy", dy), in("x", x), in("statistics", statistics),
                                        in("gamma", gamma), options_of(kFunction, epsilon, kind)),
               dx, dgamma, dbeta, dy, x, statistics, gamma);
}

}  // namespace

void bind_layer_norm(py::module_& m) {
  m.def("layer_norm_forward", &layer_norm_forward, py::arg("y"), py::arg("statistics"), py::arg("x"),
        py::arg("gamma"), py::arg("beta"), py::arg("epsilon"), py::arg("kind"),
        "Rows normalized by the kind ('layer', 'rms', 'unit'), times gamma, plus beta; y may be x.");
  m.def("layer_norm_backward", &layer_norm_backward, py::arg("dx"), py::arg("dgamma"), py::arg("dbeta"),
        py::arg("dy"), py::arg("x"), py::arg("statistics"), py::arg("gamma"), py::arg("epsilon"),
        py::arg("kind"), "Gradients of layer_norm_forward.");
}

}  // namespace densor::bindings
