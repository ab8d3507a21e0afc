#include "ops/dropout.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

// Reads the arguments of one call.
struct DropoutCall {
  const char* function;

  View operator()(const char* argument, const py::object& object) const {
    return view_of(function, argument, object);
  }
  double rate(const py::object& object) const { return number(function, "rate", object); }
  math::DropoutKind kind(const py::object& object) const {
    return ops::dropout_kind(function, "kind", name(function, "kind", object));
  }
  std::uint32_t stream(const py::object& object) const {
    return static_cast<std::uint32_t>(integer(function, "stream", object, 0, UINT32_MAX));
  }
};

BoundStep dropout_forward(const py::object& y, const py::object& mask, const py::object& x,
                          const py::object& rate, const py::object& kind, const py::object& seed,
                          const py::object& stream, const py::object& positive) {
  const DropoutCall in{"dropout_forward"};
  return bound(ops::dropout_forward(in("y", y), in("mask", mask), in("x", x), in.rate(rate), in.kind(kind),
                                    word(in.function, "seed", seed), in.stream(stream),
                                    flag(in.function, "positive", positive)),
               y, mask, x);
}

BoundStep dropout_spread(const py::object& y, const py::object& mask, const py::object& x,
                         const py::object& rate, const py::object& kind, const py::object& seed,
                         const py::object& stream, const py::object& shape, const py::object& noise_shape,
                         const py::object& shared_rows) {
  const DropoutCall in{"dropout_spread"};
  const ops::SpreadNoise noise{integers(in.function, "shape", shape, 0),
                               integers(in.function, "noise_shape", noise_shape, 0),
                               flag(in.function, "shared_rows", shared_rows)};
  return bound(ops::dropout_spread(in("y", y), in("mask", mask), in("x", x), in.rate(rate), in.kind(kind),
                                   word(in.function, "seed", seed), in.stream(stream), noise),
               y, mask, x);
}

BoundStep dropout_backward(const py::object& dx, const py::object& dy, const py::object& mask,
                           const py::object& rate, const py::object& kind) {
  const DropoutCall in{"dropout_backward"};
  return bound(
      ops::dropout_backward(in("dx", dx), in("dy", dy), in("mask", mask), in.rate(rate), in.kind(kind)), dx,
      dy, mask);
}

}  // namespace

void bind_dropout(py::module_& m) {
  m.def("dropout_forward", &dropout_forward, py::arg("y"), py::arg("mask"), py::arg("x"), py::arg("rate"),
        py::arg("kind"), py::arg("seed"), py::arg("stream"), py::arg("positive") = false,
        "y = keep ? scale x + shift : dropped of the kind ('inverted', 'alpha'), and the mask; y may be x. "
        "positive: the mask has only what is above zero, so that it stands for the derivative of relu, too.");
  m.def("dropout_spread", &dropout_spread, py::arg("y"), py::arg("mask"), py::arg("x"), py::arg("rate"),
        py::arg("kind"), py::arg("seed"), py::arg("stream"), py::arg("shape"), py::arg("noise_shape"),
        py::arg("shared_rows"), "The same with noise that several elements of a row, or all rows, share.");
  m.def("dropout_backward", &dropout_backward, py::arg("dx"), py::arg("dy"), py::arg("mask"), py::arg("rate"),
        py::arg("kind"), "dx = keep ? scale dy : 0; dx may be dy.");
}

}  // namespace densor::bindings
