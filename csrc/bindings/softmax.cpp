#include "ops/softmax.h"

#include "bindings/list.h"
#include "bindings/step.h"

namespace densor::bindings {

void bind_softmax(py::module_& m) {
  m.def(
      "softmax_forward",
      [](const py::object& y, const py::object& x) {
        const auto in = [](const char* name, const py::object& o) {
          return view_of("softmax_forward", name, o);
        };
        return bound(ops::softmax_forward(in("y", y), in("x", x)), y, x);
      },
      py::arg("y"), py::arg("x"), "y = softmax of each row of x; y may be x.");
  m.def(
      "softmax_backward",
      [](const py::object& dx, const py::object& dy, const py::object& y) {
        const auto in = [](const char* name, const py::object& o) {
          return view_of("softmax_backward", name, o);
        };
        return bound(ops::softmax_backward(in("dx", dx), in("dy", dy), in("y", y)), dx, dy, y);
      },
      py::arg("dx"), py::arg("dy"), py::arg("y"), "dx = y * (dy - sum(dy * y)) in each row; dx may be dy.");
}

}  // namespace densor::bindings
