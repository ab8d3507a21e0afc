#include "ops/penalty.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_penalty(py::module_& m) {
  m.def(
      "penalty",
      [](const py::object& totals, const py::object& xs, const py::object& dxs, const py::object& l1,
         const py::object& l2, const py::object& weight, const py::object& scale, const py::object& add,
         const py::object& by_rows) {
        const auto in = [](const char* name, const py::object& o) { return view_of("penalty", name, o); };
        return bound(ops::penalty(in("totals", totals), views_of("penalty", "xs", xs),
                                  views_of("penalty", "dxs", dxs), in("l1", l1), in("l2", l2),
                                  number("penalty", "weight", weight), number("penalty", "scale", scale),
                                  flag("penalty", "add", add), flag("penalty", "by_rows", by_rows)),
                     totals, py::tuple(xs), py::tuple(dxs));  // the lists may change, the arrays stay
      },
      py::arg("totals"), py::arg("xs"), py::arg("dxs"), py::arg("l1"), py::arg("l2"), py::arg("weight"),
      py::arg("scale"), py::arg("add"), py::arg("by_rows") = false,
      "totals[0] += weight * sum of l1 |x| + l2 x^2; dx (+)= scale * (l1 sign(x) + 2 l2 x).");
}

}  // namespace densor::bindings
