// The one place where native errors become Python exceptions.
#include "core/error.h"

#include "bindings/list.h"

namespace densor::bindings {

namespace {

PyObject* g_device_error = nullptr;

PyObject* python_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::type:
      return PyExc_TypeError;
    case ErrorKind::value:
      return PyExc_ValueError;
    case ErrorKind::memory:
      return PyExc_MemoryError;
    case ErrorKind::device:
      return g_device_error;
    case ErrorKind::runtime:
      return PyExc_RuntimeError;
  }
  return PyExc_RuntimeError;
}

}  // namespace

void bind_errors(py::module_& m) {
  py::object device_error = py::reinterpret_steal<py::object>(
      PyErr_NewExceptionWithDoc("densor.errors.DeviceError", "A device that was asked for cannot be used.",
                                PyExc_RuntimeError, nullptr));
  g_device_error = device_error.ptr();
  m.attr("DeviceError") = device_error;
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(python_type(error.kind()), error.what());
    }
  });
}

}  // namespace densor::bindings
