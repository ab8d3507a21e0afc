#include "ops/monte_carlo.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"

namespace densor::bindings {

namespace {

BoundStep accumulate(const py::object& mean, const py::object& squares, const py::object& x) {
  const auto in = [](const char* name, const py::object& o) {
    return view_of("monte_carlo_accumulate", name, o);
  };
  return bound(ops::monte_carlo_accumulate(in("mean", mean), in("squares", squares), in("x", x)), mean,
               squares, x);
}

BoundStep deviation(const py::object& deviation, const py::object& squares, const py::object& samples) {
  constexpr const char* kFunction = "monte_carlo_deviation";
  return bound(ops::monte_carlo_deviation(view_of(kFunction, "deviation", deviation),
                                          view_of(kFunction, "squares", squares),
                                          integer(kFunction, "samples", samples)),
               deviation, squares);
}

BoundStep entropy(const py::object& entropy, const py::object& p, const py::object& independent) {
  constexpr const char* kFunction = "monte_carlo_entropy";
  return bound(ops::monte_carlo_entropy(view_of(kFunction, "entropy", entropy), view_of(kFunction, "p", p),
                                        flag(kFunction, "independent", independent)),
               entropy, p);
}

}  // namespace

void bind_monte_carlo(py::module_& m) {
  m.def("monte_carlo_accumulate", &accumulate, py::arg("mean"), py::arg("squares"), py::arg("x"),
        "Takes the sample x into the mean and the sum of squared deviations; the first one overwrites them.");
  m.def("monte_carlo_deviation", &deviation, py::arg("deviation"), py::arg("squares"), py::arg("samples"),
        "deviation = sqrt(squares / samples).");
  m.def("monte_carlo_entropy", &entropy, py::arg("entropy"), py::arg("p"), py::arg("independent"),
        "Entropy in nats of every row of probabilities.");
}

}  // namespace densor::bindings
