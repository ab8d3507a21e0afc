#include "bindings/array.h"

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
    default:
      return false;
  }
}

}  // namespace

View view_of(const char* function, const char* argument, const py::handle& object) {
  View view;
  if (object.is_none()) return view;
  if (!py::isinstance<py::array>(object))
    throw Error(ErrorKind::type, function, argument,
                std::string("expected a NumPy array, got ") + Py_TYPE(object.ptr())->tp_name);
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (!dtype_from(array.dtype(), view.dtype))
    throw Error(
        ErrorKind::type, function, argument,
        "dtype " + std::string(py::str(array.dtype())) + " is not supported; convert the array to float32");
  if (array.ndim() > kMaxDims)
    throw Error(ErrorKind::value, function, argument,
                "has " + std::to_string(array.ndim()) + " dimensions, at most " + std::to_string(kMaxDims) +
                    " can be used");
  view.present = true;
  view.device = cuda::uses_host_memory() ? Device::cuda : Device::cpu;
  view.data = const_cast<void*>(array.data());
  view.writable = array.writeable();
  view.ndim = static_cast<int>(array.ndim());
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
