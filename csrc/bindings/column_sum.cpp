#include "ops/column_sum.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_column_sum(py::module_& m) {
  m.def(
      "column_sum",
      [](const py::object& sum, const py::object& x) {
        return bound(ops::column_sum(view_of("column_sum", "sum", sum), view_of("column_sum", "x", x)), sum,
                     x);
      },
      py::arg("sum"), py::arg("x"), "sum (1, cols) = the sum over the rows of x.");
}

}  // namespace densor::bindings
