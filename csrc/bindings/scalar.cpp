#include "bindings/scalar.h"

#include "core/error.h"

namespace densor::bindings {

namespace {

[[noreturn]] void wrong_kind(const char* function, const char* argument, const char* expected,
                             const py::handle& object) {
  throw Error(ErrorKind::type, function, argument,
              std::string("expected ") + expected + ", got " + Py_TYPE(object.ptr())->tp_name + " " +
                  std::string(py::repr(object)));
}

// The object as a Python int; TypeError where it is no integer.
py::object index_of(const char* function, const char* argument, const py::handle& object) {
  if (PyBool_Check(object.ptr()) || PyIndex_Check(object.ptr()) == 0)
    wrong_kind(function, argument, "an integer", object);
  py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!index) {  // an array of several elements, for one
    PyErr_Clear();
    wrong_kind(function, argument, "an integer", object);
  }
  return index;
}

[[noreturn]] void out_of_range(const char* function, const char* argument, const py::handle& object,
                               const std::string& low, const std::string& high) {
  throw Error(ErrorKind::value, function, argument,
              "value " + std::string(py::str(object)) + " is outside [" + low + ", " + high + "]");
}

}  // namespace

double number(const char* function, const char* argument, const py::handle& object) {
  PyNumberMethods* methods = Py_TYPE(object.ptr())->tp_as_number;
  const bool numeric = methods != nullptr && (methods->nb_float != nullptr || methods->nb_index != nullptr);
  if (PyBool_Check(object.ptr()) || !numeric) wrong_kind(function, argument, "a number", object);
  const double value = PyFloat_AsDouble(object.ptr());
  if (value == -1.0 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    wrong_kind(function, argument, "a number", object);
  }
  return value;
}

std::int64_t integer(const char* function, const char* argument, const py::handle& object, std::int64_t low,
                     std::int64_t high) {
  const py::object index = index_of(function, argument, object);
  int overflow = 0;
  const std::int64_t value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0 || value < low || value > high)
    out_of_range(function, argument, index, std::to_string(low), std::to_string(high));
  return value;
}

std::uint64_t word(const char* function, const char* argument, const py::handle& object) {
  const py::object index = index_of(function, argument, object);
  const std::uint64_t value = PyLong_AsUnsignedLongLong(index.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    out_of_range(function, argument, index, "0", std::to_string(UINT64_MAX));
  }
  return value;
}

bool flag(const char* function, const char* argument, const py::handle& object) {
  if (PyBool_Check(object.ptr()) == 0) wrong_kind(function, argument, "True or False", object);
  return object.ptr() == Py_True;
}

std::vector<std::int64_t> integers(const char* function, const char* argument, const py::handle& object,
                                   std::int64_t low, std::int64_t high) {
  if (PyList_Check(object.ptr()) == 0 && PyTuple_Check(object.ptr()) == 0)
    wrong_kind(function, argument, "a list of integers", object);
  std::vector<std::int64_t> values;
  for (const auto& item : object) values.push_back(integer(function, argument, item, low, high));
  return values;
}

std::string name(const char* function, const char* argument, const py::handle& object) {
  if (PyUnicode_Check(object.ptr()) == 0) wrong_kind(function, argument, "a string", object);
  return object.cast<std::string>();
}

}  // namespace densor::bindings
