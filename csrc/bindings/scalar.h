// The only way of numbers and names into native code: a wrong kind raises TypeError, a value that does not
// fit ValueError, both naming function and argument. Bindings take py::object, not double or std::string.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

namespace densor::bindings {

namespace py = pybind11;

// A Python or NumPy number; bool is none.
double number(const char* function, const char* argument, const py::handle& object);
// An integer low <= value <= high; a float is none, even a whole one.
std::int64_t integer(const char* function, const char* argument, const py::handle& object,
                     std::int64_t low = INT64_MIN, std::int64_t high = INT64_MAX);
// An integer of 64 bits: a seed or a running step.
std::uint64_t word(const char* function, const char* argument, const py::handle& object);
// True or False, nothing else.
bool flag(const char* function, const char* argument, const py::handle& object);
// A list or tuple of such integers.
std::vector<std::int64_t> integers(const char* function, const char* argument, const py::handle& object,
                                   std::int64_t low = INT64_MIN, std::int64_t high = INT64_MAX);
std::string name(const char* function, const char* argument, const py::handle& object);

}  // namespace densor::bindings
