// The binding that all losses share.
#pragma once

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "ops/shared/loss.h"

namespace densor::bindings {

// `factory(views, scale)` as `name(loss, dx, x, target, weight, scale, mean)`.
inline void bind_loss(py::module_& m, const char* name,
                      Step (*factory)(const ops::LossViews&, const ops::LossScale&), const char* doc) {
  m.def(
      name,
      [name, factory](const py::object& loss, const py::object& dx, const py::object& x,
                      const py::object& target, const py::object& weight, const py::object& scale,
                      const py::object& mean) {
        const auto in = [name](const char* argument, const py::object& o) {
          return view_of(name, argument, o);
        };
        const ops::LossViews views{in("loss", loss), in("dx", dx), in("x", x), in("target", target),
                                   in("weight", weight)};
        return bound(factory(views, {number(name, "scale", scale), flag(name, "mean", mean)}), loss, dx, x,
                     target, weight);
      },
      py::arg("loss"), py::arg("dx"), py::arg("x"), py::arg("target"), py::arg("weight"), py::arg("scale"),
      py::arg("mean") = false, doc);
}

}  // namespace densor::bindings
