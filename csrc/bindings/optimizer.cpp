#include "ops/optimizer.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

std::optional<double> optional_number(const char* argument, const py::object& object) {
  if (object.is_none()) return std::nullopt;
  return number("optimizer", argument, object);
}

BoundStep optimizer(const py::object& parameters, const py::object& gradients, const py::object& slots,
                    const py::object& segments, const py::object& decayed, const py::object& rule,
                    const py::object& clipvalue, const py::object& clipnorm,
                    const py::object& global_clipnorm) {
  const auto in = [](const char* argument, const py::object& o) { return view_of("optimizer", argument, o); };
  const ops::Clipping clipping{optional_number("clipvalue", clipvalue), optional_number("clipnorm", clipnorm),
                               optional_number("global_clipnorm", global_clipnorm)};
  return bound(ops::optimizer(in("parameters", parameters), in("gradients", gradients),
                              views_of("optimizer", "slots", slots), in("segments", segments),
                              in("decayed", decayed), name("optimizer", "rule", rule), clipping),
               parameters, gradients, py::tuple(slots));  // the list may change, the arrays stay
}

}  // namespace

void bind_optimizer(py::module_& m) {
  m.def("optimizer", &optimizer, py::arg("parameters"), py::arg("gradients"), py::arg("slots"),
        py::arg("segments"), py::arg("decayed"), py::arg("rule"), py::arg("clipvalue"), py::arg("clipnorm"),
        py::arg("global_clipnorm"),
        "One step over flat arenas: clip, decay, rule; reads the hyper row [decay, coefficients...].");
}

}  // namespace densor::bindings
