#include "ops/random.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

ops::RandomSeed seed_of(const char* function, const py::object& seed, const py::object& stream) {
  return {word(function, "seed", seed),
          static_cast<std::uint32_t>(integer(function, "stream", stream, 0, UINT32_MAX))};
}

BoundStep uniform(const py::object& out, const py::object& low, const py::object& high,
                  const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "random_uniform";
  return bound(ops::random_uniform(view_of(kFunction, "out", out), number(kFunction, "low", low),
                                   number(kFunction, "high", high), seed_of(kFunction, seed, stream)),
               out);
}

BoundStep normal(const py::object& out, const py::object& mean, const py::object& stddev,
                 const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "random_normal";
  return bound(ops::random_normal(view_of(kFunction, "out", out), number(kFunction, "mean", mean),
                                  number(kFunction, "stddev", stddev), seed_of(kFunction, seed, stream)),
               out);
}

BoundStep truncated_normal(const py::object& out, const py::object& mean, const py::object& stddev,
                           const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "random_truncated_normal";
  return bound(
      ops::random_truncated_normal(view_of(kFunction, "out", out), number(kFunction, "mean", mean),
                                   number(kFunction, "stddev", stddev), seed_of(kFunction, seed, stream)),
      out);
}

BoundStep rows(const py::object& out, const py::object& low, const py::object& high, const py::object& seed,
               const py::object& stream) {
  constexpr const char* kFunction = "random_rows";
  return bound(ops::random_rows(view_of(kFunction, "out", out), view_of(kFunction, "low", low),
                                view_of(kFunction, "high", high), seed_of(kFunction, seed, stream)),
               out, low, high);
}

BoundStep permutation(const py::object& out, const py::object& seed, const py::object& stream) {
  constexpr const char* kFunction = "permutation";
  return bound(ops::permutation(view_of(kFunction, "out", out), seed_of(kFunction, seed, stream)), out);
}

}  // namespace

void bind_random(py::module_& m) {
  m.def("random_uniform", &uniform, py::arg("out"), py::arg("low"), py::arg("high"), py::arg("seed"),
        py::arg("stream"), "Fills out with uniform numbers of [low, high).");
  m.def("random_normal", &normal, py::arg("out"), py::arg("mean"), py::arg("stddev"), py::arg("seed"),
        py::arg("stream"), "Fills out with normal numbers.");
  m.def("random_truncated_normal", &truncated_normal, py::arg("out"), py::arg("mean"), py::arg("stddev"),
        py::arg("seed"), py::arg("stream"),
        "Fills out with normal numbers that lie within two standard deviations of the mean.");
  m.def("random_rows", &rows, py::arg("out"), py::arg("low"), py::arg("high"), py::arg("seed"),
        py::arg("stream"), "Fills the rows of out with uniform numbers of [low, high) of each column.");
  m.def("permutation", &permutation, py::arg("out"), py::arg("seed"), py::arg("stream"),
        "Fills out, int64 (n,), with a uniform permutation of 0..n-1.");
}

}  // namespace densor::bindings
