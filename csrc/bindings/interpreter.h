// The interpreter's lock, its modules, and its end.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

namespace densor::bindings {

namespace py = pybind11;

// A module that somebody has imported; or none.
inline py::object imported(const char* name) {
  return py::reinterpret_steal<py::object>(PyImport_GetModule(py::str(name).ptr()));
}

inline bool finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

// CPython ends a thread that asks for the GIL of a dying interpreter by pthread_exit, which C++ answers with
// abort; such a thread (a daemon in the middle of training) sleeps instead.
inline void sleep_if_finalizing() {
  while (finalizing()) pause();
}

// Releases the GIL for its lifetime.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  GilReleased(const GilReleased&) = delete;
  ~GilReleased() {
    sleep_if_finalizing();
    PyEval_RestoreThread(state_);
  }

 private:
  PyThreadState* state_;
};

}  // namespace densor::bindings
