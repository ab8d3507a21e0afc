#include "ops/optimizer.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

std::optional<double> optional_number(const char* argument, const py::object& object) {
  if (object.is_none()) return std::nullopt;
  return number("optimizer", argument, object);
}

BoundStep optimizer(const py::object& parameters, const py::object& gradients, const py::object& slots,
                    const py::object& segments, const py::object& decayed, const py::object& rule,
                    const py::object& clipvalue, const py::object& clipnorm,
                    const py::object& global_clipnorm, const py::object& average,
                    const py::object& accumulator, const py::object& accumulation_steps,
                    const py::object& mask, const py::object& multipliers, const py::object& scale,
                    const py::object& computed, const py::object& x, const py::object& dz,
                    const py::object& matrices, const py::object& iterations, const py::object& squared,
                    const py::object& squares) {
  const auto in = [](const char* argument, const py::object& o) { return view_of("optimizer", argument, o); };
  const ops::Clipping clipping{optional_number("clipvalue", clipvalue), optional_number("clipnorm", clipnorm),
                               optional_number("global_clipnorm", global_clipnorm)};
  const ops::OptimizerArenas arenas{in("parameters", parameters),          in("gradients", gradients),
                                    views_of("optimizer", "slots", slots), in("average", average),
                                    in("accumulator", accumulator),        in("mask", mask)};
  const ops::OptimizerSegments bounds{in("segments", segments), in("decayed", decayed),
                                      in("multipliers", multipliers), in("matrices", matrices),
                                      in("iterations", iterations)};
  const ops::ComputedGradients computed_gradients{in("computed", computed), views_of("optimizer", "x", x),
                                                  views_of("optimizer", "dz", dz)};
  return bound(ops::optimizer(arenas, bounds, name("optimizer", "rule", rule), clipping,
                              integer("optimizer", "accumulation_steps", accumulation_steps, 1, 1 << 30),
                              number("optimizer", "scale", scale), computed_gradients,
                              {in("squared", squared), views_of("optimizer", "squares", squares)}),
               parameters, gradients, py::tuple(slots), average, accumulator, mask, multipliers, py::tuple(x),
               py::tuple(dz), py::tuple(squares));  // the list may change, the arrays stay
}

}  // namespace

void bind_optimizer(py::module_& m) {
  m.def("optimizer", &optimizer, py::arg("parameters"), py::arg("gradients"), py::arg("slots"),
        py::arg("segments"), py::arg("decayed"), py::arg("rule"), py::arg("clipvalue"), py::arg("clipnorm"),
        py::arg("global_clipnorm"), py::arg("average") = py::none(), py::arg("accumulator") = py::none(),
        py::arg("accumulation_steps") = 1, py::arg("mask") = py::none(), py::arg("multipliers") = py::none(),
        py::arg("scale") = 1.0, py::arg("computed") = py::none(), py::arg("x") = py::tuple(),
        py::arg("dz") = py::tuple(), py::arg("matrices") = py::none(), py::arg("iterations") = py::none(),
        py::arg("squared") = py::none(), py::arg("squares") = py::tuple(),
        "One step over flat arenas: clip, decay, rule, mask, average; reads the hyper row [decay, "
        "coefficients...]. The gradient of segment computed[k] is x[k]^T dz[k], or the sums of dz[k]'s "
        "columns; squares[k], on a device, adds up to the sum of squares of that of segment squared[k].");
  m.def("optimizer_needs_norms", &ops::optimizer_needs_norms, py::arg("rule"),
        "Whether the rule reads all gradients of a variable before it changes the first parameter.");
}

}  // namespace densor::bindings
