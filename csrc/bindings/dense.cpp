#include "ops/dense.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "ops/activation.h"
#include "ops/dropout.h"

namespace densor::bindings {

namespace {

BoundStep dense_forward(const py::object& y, const py::object& z, const py::object& x, const py::object& w,
                        const py::object& bias, const py::object& activation, const py::object& alpha,
                        bool training, bool bfloat16, const py::object& moments, bool rounded,
                        const py::object& packed, const py::object& mask, const py::object& rate,
                        const py::object& seed, std::uint32_t stream) {
  constexpr const char* kName = "dense_forward";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kName, argument, o); };
  const auto kind = ops::activation_from_name(kName, "activation", name(kName, "activation", activation));
  return bound(
      ops::dense_forward(in("y", y), in("z", z), in("x", x), in("w", w), in("bias", bias), kind,
                         number(kName, "alpha", alpha), training, bfloat16, {in("moments", moments), rounded},
                         in("packed", packed),
                         {in("mask", mask), number(kName, "rate", rate), word(kName, "seed", seed), stream}),
      y, z, x, w, bias, moments, packed, mask);
}

BoundStep dense_backward(const py::object& dx, const py::object& dw, const py::object& dbias,
                         const py::object& dz, const py::object& dy, const py::object& saved,
                         const py::object& x, const py::object& w, const py::object& activation,
                         const py::object& alpha, const py::object& below_mask, const py::object& below_rate,
                         const py::object& below_kind, const py::object& below_saved,
                         const py::object& below_activation, const py::object& below_alpha, bool bfloat16,
                         const py::object& squares, const py::object& packed) {
  constexpr const char* kName = "dense_backward";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kName, argument, o); };
  const auto kind = ops::activation_from_name(kName, "activation", name(kName, "activation", activation));
  const ops::Below below{
      in("below_mask", below_mask),
      number(kName, "below_rate", below_rate),
      ops::dropout_kind(kName, "below_kind", name(kName, "below_kind", below_kind)),
      in("below_saved", below_saved),
      ops::activation_from_name(kName, "below_activation", name(kName, "below_activation", below_activation)),
      number(kName, "below_alpha", below_alpha)};
  return bound(
      ops::dense_backward(in("dx", dx), in("dw", dw), in("dbias", dbias), in("dz", dz), in("dy", dy),
                          in("saved", saved), in("x", x), in("w", w), kind, number(kName, "alpha", alpha),
                          bfloat16, below, in("squares", squares), in("packed", packed)),
      dx, dw, dbias, dz, dy, saved, x, w, below_mask, below_saved, squares, packed);
}

std::pair<std::int64_t, std::int64_t> dense_sums(std::int64_t rows, std::int64_t inputs, std::int64_t units,
                                                 bool bfloat16, bool halves) {
  const ops::DenseSums sums = ops::dense_sums(rows, inputs, units, bfloat16, halves);
  return {sums.moment_rows, sums.square_sums};
}

int dense_terms(const py::object& rows, const py::object& inputs, const py::object& units, bool backward,
                bool training, bool bfloat16) {
  const auto size = [](const char* argument, const py::object& o) {
    return integer("dense_terms", argument, o, 0);
  };
  return ops::dense_terms(
      {size("rows", rows), size("inputs", inputs), size("units", units), backward, training, bfloat16});
}

std::int64_t dense_packed_bytes(const py::object& inputs, const py::object& units, const py::object& terms) {
  constexpr const char* kName = "dense_packed_bytes";
  return ops::dense_packed_bytes(integer(kName, "inputs", inputs, 0), integer(kName, "units", units, 0),
                                 integer(kName, "terms", terms, 1, 3));
}

BoundStep dense_pack(const py::object& forward, const py::object& backward, const py::object& w,
                     const py::object& terms) {
  constexpr const char* kName = "dense_pack";
  const auto in = [](const char* argument, const py::object& o) { return view_of(kName, argument, o); };
  return bound(ops::dense_pack(in("forward", forward), in("backward", backward), in("w", w),
                               integer(kName, "terms", terms, 1, 3)),
               forward, backward, w);
}

}  // namespace

void bind_dense(py::module_& m) {
  m.def(
      "dense_forward", &dense_forward, py::arg("y"), py::arg("z"), py::arg("x"), py::arg("w"),
      py::arg("bias"), py::arg("activation"), py::arg("alpha"), py::arg("training") = false,
      py::arg("bfloat16") = false, py::arg("moments") = py::none(), py::arg("rounded") = false,
      py::arg("packed") = py::none(), py::arg("mask") = py::none(), py::arg("rate") = 0.0,
      py::arg("seed") = 0, py::arg("stream") = 0,
      "y = activation(x w + bias); z: x w + bias, where activation_saves(activation) == 'input'; moments, on "
      "a device: (2, parts, out), of the columns of y; packed: what dense_pack has made of w, if it was "
      "called; on a device dropout in the same pass, whose mask tells what it and the activation let pass.");
  m.def(
      "dense_backward", &dense_backward, py::arg("dx"), py::arg("dw"), py::arg("dbias"), py::arg("dz"),
      py::arg("dy"), py::arg("saved"), py::arg("x"), py::arg("w"), py::arg("activation"), py::arg("alpha"),
      py::arg("below_mask") = py::none(), py::arg("below_rate") = 0.0, py::arg("below_kind") = "inverted",
      py::arg("below_saved") = py::none(), py::arg("below_activation") = "linear",
      py::arg("below_alpha") = 0.0, py::arg("bfloat16") = false, py::arg("squares") = py::none(),
      py::arg("packed") = py::none(),
      "dz = dy activation'(saved), dx = dz w^T, dw = x^T dz, dbias = column sums of dz; then dx times "
      "the derivatives of the dropout and the activation that made x; squares, on a device: what adds up to "
      "the sum of squares of dw; packed: what dense_pack has made of w, if it was called.");
  m.def(
      "dense_terms", &dense_terms, py::arg("rows"), py::arg("inputs"), py::arg("units"),
      py::arg("backward") = false, py::arg("training") = false, py::arg("bfloat16") = false,
      "bfloat16 terms of a weight that the product of dense_forward, or that for dx, reads; 0: it is one of "
      "multiply-adds.");
  m.def("cpu_reads_halves", &ops::cpu_reads_halves,
        "Whether dense_forward and dense_backward take bfloat16 arrays on the CPU target in use.");
  m.def(
      "cpu_writes_halves",
      [](const py::object& terms) {
        return ops::cpu_writes_halves(integer("cpu_writes_halves", "terms", terms, 0));
      },
      py::arg("terms"),
      "Whether their y and dx may be such, where an element is a sum of so many terms, behind 'linear' and "
      "'relu'.");
  m.def("dense_packed_bytes", &dense_packed_bytes, py::arg("inputs"), py::arg("units"), py::arg("terms"),
        "Bytes of one form of packed weights.");
  m.def("dense_pack", &dense_pack, py::arg("forward"), py::arg("backward"), py::arg("w"), py::arg("terms"),
        "Packs w (inputs, units) for dense_forward and for dx of dense_backward, uint8 each, or None.");
  m.def("dense_sums", &dense_sums, py::arg("rows"), py::arg("inputs"), py::arg("units"),
        py::arg("bfloat16") = false, py::arg("halves") = false,
        "Rows of a part of the moments that dense_forward can leave on the device in use, and the number of "
        "the squares of dense_backward; 0: none. halves: of bfloat16 arrays.");
}

}  // namespace densor::bindings
