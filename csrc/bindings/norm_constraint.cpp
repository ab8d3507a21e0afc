#include "ops/norm_constraint.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_norm_constraint(py::module_& m) {
  m.def(
      "norm_constraint",
      [](const py::object& w, const py::object& low, const py::object& high, const py::object& rate) {
        const auto value = [](const char* name, const py::object& o) {
          return number("norm_constraint", name, o);
        };
        return bound(ops::norm_constraint(view_of("norm_constraint", "w", w), value("low", low),
                                          value("high", high), value("rate", rate)),
                     w);
      },
      py::arg("w"), py::arg("low"), py::arg("high"), py::arg("rate"),
      "Brings the norms of w (outer, reduced, inner) along its middle axis towards [low, high], in place.");
}

}  // namespace densor::bindings
