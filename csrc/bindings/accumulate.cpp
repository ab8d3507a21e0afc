#include "ops/accumulate.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_accumulate(py::module_& m) {
  m.def(
      "accumulate",
      [](const py::object& totals, const py::object& values, const py::object& weight) {
        const auto in = [](const char* argument, const py::object& o) {
          return view_of("accumulate", argument, o);
        };
        return bound(ops::accumulate(in("totals", totals), in("values", values), in("weight", weight)),
                     totals, values, weight);
      },
      py::arg("totals"), py::arg("values"), py::arg("weight"),
      "totals += (sum of values * weight, rows), row by row in double.");
}

}  // namespace densor::bindings
