#include "bindings/array.h"

#include "bindings/caller_stream.h"
#include "bindings/device_array.h"
#include "core/error.h"
#include "cuda/launch.h"

namespace densor::bindings {

namespace {

bool dtype_from(const py::dtype& dtype, DType& out) {
  const char order = dtype.byteorder();
  if (order == '>') return false;
  const auto size = dtype.itemsize();
  switch (dtype.kind()) {
    case 'b':
      out = DType::boolean;
      return true;
    case 'u':
      out = size == 1 ? DType::u8 : size == 2 ? DType::u16 : size == 4 ? DType::u32 : DType::u64;
      return true;
    case 'i':
      out = size == 1 ? DType::i8 : size == 2 ? DType::i16 : size == 4 ? DType::i32 : DType::i64;
      return true;
    case 'f':
      out = size == 2 ? DType::f16 : size == 4 ? DType::f32 : DType::f64;
      return size <= 8;
    case 'V':  // NumPy has no bfloat16: a field of this name stands for one
      out = DType::bf16;
      return py::str(dtype).equal(py::str("[('bfloat16', '<u2')]"));
    default:
      return false;
  }
}

// At most kMaxDims axes.
void set_dimensions(const char* function, const char* argument, View& view, std::int64_t count) {
  if (count > kMaxDims)
    throw Error(
        ErrorKind::value, function, argument,
        "has " + std::to_string(count) + " dimensions, at most " + std::to_string(kMaxDims) + " can be used");
  view.ndim = static_cast<int>(count);
}

void set_dtype(const char* function, const char* argument, View& view, const py::dtype& dtype) {
  if (!dtype_from(dtype, view.dtype))
    throw Error(ErrorKind::type, function, argument,
                "dtype " + std::string(py::str(dtype)) + " is not supported; convert the array to float32");
}

// Kernels run on the first device: memory of another one, or of the host, would fail there, or be read
// slowly.
void check_place(const char* function, const char* argument, const void* memory) {
  if (memory == nullptr) return;  // an empty array
  const int device = cuda::runtime().device_of(memory);
  if (device == 0) return;
  throw Error(ErrorKind::value, function, argument,
              device < 0 ? "lies in memory that no GPU can read; give the array of the host itself"
                         : "lies in memory of cuda:" + std::to_string(device) +
                               ", only that of cuda:0 can be used; copy it there");
}

// The interface's version 2 and later: a dict of shape, typestr, data (pointer, read-only) and strides.
View device_view(const char* function, const char* argument, const py::handle& object) {
  cuda::require_device(0);
  const py::dict interface = object.attr("__cuda_array_interface__");
  const py::tuple shape = interface["shape"], data = interface["data"];
  View view;
  view.data = reinterpret_cast<void*>(data[0].cast<std::uintptr_t>());
  check_place(function, argument, view.data);
  view.present = true;
  view.device = Device::cuda;
  set_dtype(function, argument, view, py::dtype::from_args(interface["typestr"]));
  view.writable = !data[1].cast<bool>();
  set_dimensions(function, argument, view, static_cast<std::int64_t>(shape.size()));
  const bool strided = interface.contains("strides") && !interface["strides"].is_none();
  std::int64_t stride = item_size(view.dtype);
  for (int i = view.ndim - 1; i >= 0; --i) {
    const auto axis = static_cast<std::size_t>(i);
    view.shape[axis] = shape[axis].cast<std::int64_t>();
    view.stride[axis] = strided ? py::tuple(interface["strides"])[axis].cast<std::int64_t>() : stride;
    stride *= view.shape[axis];
  }
  return view;
}

}  // namespace

View view_of_foreign(const char* function, const char* argument, const py::handle& object) {
  return device_view(function, argument, object);
}

View view_of(const char* function, const char* argument, const py::handle& object) {
  View view;
  if (!py::isinstance<py::array>(object)) {
    if (object.is_none()) return view;
    if (py::isinstance<DeviceArray>(object)) {
      const auto& array = object.cast<const DeviceArray&>();
      array.follow_borrowers(function, argument);
      return array.view();
    }
    if (py::hasattr(object, "__cuda_array_interface__")) {
      view = device_view(function, argument, object);
      follow_owner(function, argument, object);
      return view;
    }
    throw Error(ErrorKind::type, function, argument,
                std::string("expected a NumPy array, got ") + Py_TYPE(object.ptr())->tp_name);
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  set_dtype(function, argument, view, array.dtype());
  set_dimensions(function, argument, view, array.ndim());
  view.present = true;
  view.device = cuda::uses_host_memory() ? Device::cuda : Device::cpu;
  view.data = const_cast<void*>(array.data());
  view.writable = array.writeable();
  for (int i = 0; i < view.ndim; ++i) {
    view.shape[static_cast<std::size_t>(i)] = array.shape(i);
    view.stride[static_cast<std::size_t>(i)] = array.strides(i);
  }
  return view;
}

std::vector<View> views_of(const char* function, const char* argument, const py::handle& sequence) {
  if (!py::isinstance<py::list>(sequence) && !py::isinstance<py::tuple>(sequence))
    throw Error(ErrorKind::type, function, argument,
                std::string("expected a list of NumPy arrays, got ") + Py_TYPE(sequence.ptr())->tp_name);
  std::vector<View> views;
  for (const py::handle& item : py::reinterpret_borrow<py::sequence>(sequence))
    views.push_back(view_of(function, argument, item));
  return views;
}

}  // namespace densor::bindings
