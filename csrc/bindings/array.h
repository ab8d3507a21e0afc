// The only way of arrays into native code: a NumPy array becomes a View, never a copy.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <vector>

#include "core/view.h"

namespace densor::bindings {

namespace py = pybind11;

// None becomes an absent view. Anything but a NumPy array of a supported dtype raises TypeError.
View view_of(const char* function, const char* argument, const py::handle& object);

// The same for each array of a list or tuple.
std::vector<View> views_of(const char* function, const char* argument, const py::handle& sequence);

}  // namespace densor::bindings
