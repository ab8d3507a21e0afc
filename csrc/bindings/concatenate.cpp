#include "ops/concatenate.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

// The steps keep tuples: a list may change, its arrays must stay.
void bind_concatenate(py::module_& m) {
  m.def(
      "concatenate",
      [](const py::object& y, const py::object& xs) {
        const auto views = views_of("concatenate", "xs", xs);
        return bound(ops::concatenate(view_of("concatenate", "y", y), views), y, py::tuple(xs));
      },
      py::arg("y"), py::arg("xs"), "y = the xs side by side.");
  m.def(
      "concatenate_backward",
      [](const py::object& dxs, const py::object& dy) {
        const auto views = views_of("concatenate_backward", "dxs", dxs);
        return bound(ops::concatenate_backward(views, view_of("concatenate_backward", "dy", dy)),
                     py::tuple(dxs), dy);
      },
      py::arg("dxs"), py::arg("dy"), "Each of the dxs = its columns of dy.");
  m.def(
      "slice_columns",
      [](const py::object& y, const py::object& x, const py::object& first) {
        const char* name = "slice_columns";
        return bound(
            ops::slice_columns(view_of(name, "y", y), view_of(name, "x", x), integer(name, "first", first)),
            y, x);
      },
      py::arg("y"), py::arg("x"), py::arg("first"), "y = the columns of x from `first` on.");
  m.def(
      "slice_columns_backward",
      [](const py::object& dx, const py::object& dy, const py::object& first) {
        const char* name = "slice_columns_backward";
        return bound(ops::slice_columns_backward(view_of(name, "dx", dx), view_of(name, "dy", dy),
                                                 integer(name, "first", first)),
                     dx, dy);
      },
      py::arg("dx"), py::arg("dy"), py::arg("first"), "dx = dy in those columns, 0 in all others.");
}

}  // namespace densor::bindings
