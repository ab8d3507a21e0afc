#include "ops/standardize.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep standardize(const py::object& y, const py::object& x, const py::object& mean,
                      const py::object& variance, const py::object& epsilon, const py::object& invert) {
  constexpr const char* kFunction = "standardize";
  const auto in = [](const char* name, const py::object& o) { return view_of(kFunction, name, o); };
  return bound(ops::standardize(in("y", y), in("x", x), in("mean", mean), in("variance", variance),
                                number(kFunction, "epsilon", epsilon), flag(kFunction, "invert", invert)),
               y, x, mean, variance);
}

}  // namespace

void bind_standardize(py::module_& m) {
  m.def("standardize", &standardize, py::arg("y"), py::arg("x"), py::arg("mean"), py::arg("variance"),
        py::arg("epsilon"), py::arg("invert"),
        "y = (x - mean) / max(sqrt(variance), epsilon) of every column, or back; y may be x.");
}

}  // namespace densor::bindings
