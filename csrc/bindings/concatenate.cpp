#include "ops/concatenate.h"

#include "bindings/list.h"
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
}

}  // namespace densor::bindings
