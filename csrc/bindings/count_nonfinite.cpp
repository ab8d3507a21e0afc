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
  const ops::Nonfinite result = ops::count_nonfinite(view);
  return {result.count, result.first};
}

}  // namespace

void bind_count_nonfinite(py::module_& m) {
  m.def("count_nonfinite", &count_nonfinite, py::arg("array"),
        "How many values are NaN or infinite, and the flat index of the first (-1: none).");
  m.def(
      "refuse_nonfinite",
      [](const py::object& totals, const py::object& gradients) {
        return bound(ops::refuse_nonfinite(views_of("refuse_nonfinite", "totals", totals),
                                           view_of("refuse_nonfinite", "gradients", gradients)),
                     py::tuple(totals), gradients);
      },
      py::arg("totals"), py::arg("gradients"),
      "Raises RuntimeError where a loss or a gradient is not finite.");
}

}  // namespace densor::bindings
