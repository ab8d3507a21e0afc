#include "ops/label_range.h"

#include <limits>

#include "bindings/array.h"
#include "bindings/list.h"
#include "bindings/scalar.h"

namespace densor::bindings {

namespace {

std::pair<std::int64_t, std::int64_t> label_range(const py::object& labels, const py::object& classes,
                                                  const py::object& ignored) {
  const View view = view_of("label_range", "labels", labels);
  const std::int64_t count = integer("label_range", "classes", classes, 1, INT32_MAX);
  const double kept = ignored.is_none() ? std::numeric_limits<double>::quiet_NaN()
                                        : static_cast<double>(integer("label_range", "ignored", ignored));
  const py::gil_scoped_release release;
  const ops::Found found = ops::label_range(view, count, kept);
  return {found.count, found.first};
}

}  // namespace

void bind_label_range(py::module_& m) {
  m.def("label_range", &label_range, py::arg("labels"), py::arg("classes"), py::arg("ignored") = py::none(),
        "How many values are no class numbers in [0, classes), and the flat index of the first (-1: none).");
}

}  // namespace densor::bindings
