#include "ops/expression.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "math/expression_kind.h"

namespace densor::bindings {

namespace {

BoundStep expression(const py::object& outputs, const py::object& operands, const py::object& code,
                     const py::object& constants, const py::object& rows, const py::object& cols) {
  constexpr const char* kFunction = "expression";
  const auto views = views_of(kFunction, "outputs", outputs);
  const auto inputs = views_of(kFunction, "operands", operands);
  return bound(ops::expression(views, inputs, view_of(kFunction, "code", code),
                               view_of(kFunction, "constants", constants),
                               integer(kFunction, "rows", rows, 0), integer(kFunction, "cols", cols, 0)),
               py::tuple(outputs), py::tuple(operands));  // lists may change, their arrays must stay
}

py::dict opcodes() {
  py::dict found;
  for (std::int32_t i = 0; i < math::kOpcodeCount; ++i) found[math::opcode_name(i).c_str()] = i;
  return found;
}

}  // namespace

void bind_expression(py::module_& m) {
  m.def("expression", &expression, py::arg("outputs"), py::arg("operands"), py::arg("code"),
        py::arg("constants"), py::arg("rows"), py::arg("cols"),
        "Instructions (opcode, to, a, b, c) over the elements of (rows, cols); see "
        "csrc/math/expression_kind.h.");
  m.def("expression_opcodes", &opcodes, "The opcodes by name.");
}

}  // namespace densor::bindings
