#include "ops/cast.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_cast(py::module_& m) {
  m.def(
      "cast",
      [](const py::object& y, const py::object& x) {
        return bound(ops::cast(view_of("cast", "y", y), view_of("cast", "x", x)), y, x);
      },
      py::arg("y"), py::arg("x"),
      "y = x, from float32 to bfloat16 (rounded to nearest, ties to even) or back. A bfloat16 array is one "
      "of the "
      "structured dtype [('bfloat16', '<u2')].");
}

}  // namespace densor::bindings
