// A step as Python holds it: the native step and the arrays it points into, kept alive.
#pragma once

#include <utility>
#include <vector>

#include "bindings/array.h"
#include "core/step.h"

namespace densor::bindings {

struct BoundStep {
  Step step;
  std::vector<py::object> keep;
};

// `return bound(ops::add(...), y, a, b)`
template <class... Objects>
BoundStep bound(Step step, const Objects&... objects) {
  BoundStep result{std::move(step), {}};
  result.keep.reserve(sizeof...(objects));
  (result.keep.push_back(py::reinterpret_borrow<py::object>(objects)), ...);
  return result;
}

}  // namespace densor::bindings
