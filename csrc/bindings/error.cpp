// The one place where native errors become Python exceptions.
#include "core/error.h"

#include "bindings/list.h"

namespace densor::bindings {

namespace {

PyObject* g_device_error = nullptr;
PyObject* g_device_out_of_memory = nullptr;

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
    case ErrorKind::device_memory:
      return g_device_out_of_memory;
    case ErrorKind::runtime:
      return PyExc_RuntimeError;
  }
  return PyExc_RuntimeError;
}

PyObject* new_exception(py::module_& m, const char* name, const char* doc, const py::object& bases) {
  const std::string full = std::string("densor.errors.") + name;
  py::object made =
      py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr));
  if (!made) throw py::error_already_set();
  m.attr(name) = made;
  return made.ptr();
}

}  // namespace

void bind_errors(py::module_& m) {
  g_device_error = new_exception(m, "DeviceError", "A device that was asked for cannot be used.",
                                 py::reinterpret_borrow<py::object>(PyExc_RuntimeError));
  g_device_out_of_memory =
      new_exception(m, "DeviceOutOfMemory", "A device has less free memory than was wanted.",
                    py::make_tuple(py::handle(g_device_error), py::handle(PyExc_MemoryError)));
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(python_type(error.kind()), error.what());
    }
  });
}

}  // namespace densor::bindings
