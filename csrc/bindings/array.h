// The only way of arrays into native code: a NumPy array becomes a View, never a copy; so does an array of
// CuPy, PyTorch or anything else that shows device memory by `__cuda_array_interface__`.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <vector>

#include "core/view.h"

namespace densor::bindings {

namespace py = pybind11;

// None becomes an absent view. Anything but an array of a supported dtype raises TypeError, an array in
// device memory DeviceError where this build has no CUDA kernels.
View view_of(const char* function, const char* argument, const py::handle& object);

// Of an array that shows its device memory; our stream does not follow its owner's yet.
View view_of_foreign(const char* function, const char* argument, const py::handle& object);

// As view_of for each array of a list or tuple.
std::vector<View> views_of(const char* function, const char* argument, const py::handle& sequence);

}  // namespace densor::bindings
