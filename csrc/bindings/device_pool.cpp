#include "bindings/device_pool.h"

#include <string>

#include "bindings/interpreter.h"
#include "bindings/list.h"
#include "bindings/scalar.h"
#include "core/error.h"
#include "core/interpreter.h"
#include "core/name.h"
#include "cuda/failure.h"
#include "cuda/pool.h"

namespace densor::bindings {

namespace {

const std::vector<std::string> kAllocators{"auto", "cuda", "cupy"};
enum class Allocator { automatic, cuda, cupy };

Allocator g_allocator = Allocator::automatic;

// What is asked of CuPy, by functions of Python; never destroyed, as blocks may outlive the module.
struct CuPy {
  py::object is_usable, allocate, release;
};
CuPy& cupy() {
  static auto* it = new CuPy;
  return *it;
}

// Never into a dying interpreter: memory goes with the process then.
void release(const cuda::Block& block) noexcept {
  if (Py_IsInitialized() == 0 || finalizing()) return;
  const py::gil_scoped_acquire gil;
  try {
    py::list held;
    held.append(py::reinterpret_steal<py::object>(static_cast<PyObject*>(block.owner)));
    cupy().release(held);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // to be raised where somebody can
    error.discard_as_unraisable("device memory of CuPy's");
  } catch (...) {  // no memory for a list: the block is lost
  }
}

cuda::Block allocate(std::size_t bytes);

constexpr cuda::Pool kPool{allocate, release};

// What Python raises is ours to name, unless somebody wants the program to end.
[[noreturn]] void rethrow(const py::error_already_set& error) {
  if (!error.matches(PyExc_Exception)) throw error;
  throw Error(ErrorKind::device, "allocate", "",
              "CuPy: " + py::str(error.value()).cast<std::string>() +
                  "; densor.config.set_device_allocator(\"cuda\") takes memory from CUDA itself");
}

cuda::Block allocate(std::size_t bytes) {
  cuda::context().require("allocate");
  if (PyGILState_Check() == 0) sleep_if_finalizing();
  const py::gil_scoped_acquire gil;
  try {
    py::object memory = cupy().allocate(bytes);
    if (py::isinstance<py::tuple>(memory)) {
      const auto [free, total] = memory.cast<std::pair<std::size_t, std::size_t>>();
      cuda::out_of_memory("allocate", static_cast<std::int64_t>(bytes), free, total);
    }
    const auto address = memory.attr("ptr").cast<std::uintptr_t>();
    return {reinterpret_cast<void*>(address), &kPool, memory.release().ptr()};
  } catch (const py::error_already_set& error) {
    rethrow(error);
  }
}

const cuda::Pool* pool_for(Allocator allocator) {
  bool wanted = allocator == Allocator::cupy;
  if (allocator == Allocator::automatic) wanted = imported("cupy") && cupy().is_usable().cast<bool>();
  return wanted ? &kPool : nullptr;
}

void set_device_allocator(const py::object& value) {
  const std::string wanted = name("set_device_allocator", "value", value);
  const auto allocator =
      static_cast<Allocator>(index_of_name("set_device_allocator", "value", wanted, kAllocators));
  cuda::chosen_pool() = pool_for(allocator);
  g_allocator = allocator;
}

}  // namespace

void choose_pool() { cuda::chosen_pool() = pool_for(g_allocator); }

void bind_device_pool(py::module_& m) {
  m.def(
      "set_cupy_pool",
      [](const py::object& is_usable, const py::object& allocate, const py::object& release) {
        cupy() = {is_usable, allocate, release};
      },
      py::arg("is_usable"), py::arg("allocate"), py::arg("release"),
      "How CuPy, where it is imported, is asked whether it finds a GPU, and for a number of bytes there: an "
      "object with the address `ptr`, or a pair of bytes: those that are free, and all. `release` gets a "
      "list that holds such an object, and empties it.");
  m.def(
      "set_device_allocator", &set_device_allocator, py::arg("value"),
      "Device memory comes from 'cuda' or 'cupy' from now on; 'auto': from CuPy's pool while it is usable.");
  m.def(
      "device_allocator", [] { return kAllocators[static_cast<std::size_t>(g_allocator)]; },
      "Where device memory comes from.");
  m.def(
      "device_stream",
      [] {
        cuda::require_device(0);
        return reinterpret_cast<std::uintptr_t>(cuda::runtime().stream());
      },
      "The address of the stream on which we work.");
  detach() = [](const std::function<void()>& work) {
    if (PyGILState_Check() == 0) return work();
    const GilReleased released;
    work();
  };
}

}  // namespace densor::bindings
