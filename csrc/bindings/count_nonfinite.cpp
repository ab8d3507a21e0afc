#include "ops/count_nonfinite.h"

#include <utility>

#include "bindings/array.h"
#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

std::pair<std::int64_t, std::int64_t> count_nonfinite(const py::object& array) {
  const View view = view_of("count_nonfinite", "array", array);
  const py::gil_scoped_release release;
  const ops::Found result = ops::count_nonfinite(view);
  return {result.count, result.first};
}

}  // namespace

void bind_count_nonfinite(py::module_& m) {
  m.def("count_nonfinite", &count_nonfinite, py::arg("array"),
        "How many values are NaN or infinite, and the flat index of the first (-1: none).");
  m.def(
      "refuse_nonfinite",
      [](const py::object& totals, const py::object& gradients, const py::object& segments,
         const py::object& computed, const py::object& x, const py::object& dz) {
        const auto in = [](const char* argument, const py::object& o) {
          return view_of("refuse_nonfinite", argument, o);
        };
        const ops::ComputedGradients products{in("computed", computed), views_of("refuse_nonfinite", "x", x),
                                              views_of("refuse_nonfinite", "dz", dz)};
        return bound(ops::refuse_nonfinite(views_of("refuse_nonfinite", "totals", totals),
                                           in("gradients", gradients), in("segments", segments), products),
                     py::tuple(totals), gradients, py::tuple(x), py::tuple(dz));
      },
      py::arg("totals"), py::arg("gradients"), py::arg("segments"), py::arg("computed") = py::none(),
      py::arg("x") = py::tuple(), py::arg("dz") = py::tuple(),
      "Raises RuntimeError where a loss or the gradient of a segment is not finite; `computed`, `x` and `dz` "
      "as for optimizer.");
}

}  // namespace densor::bindings
