#include "bindings/device_array.h"

#include <algorithm>
#include <string>

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "core/error.h"

namespace densor::bindings {

namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 48;

std::int64_t bytes(const View& view) { return view.size() * item_size(view.dtype); }

// From the first byte to behind the last one; -1 where a stride is negative.
std::int64_t extent(const View& view) {
  if (view.size() == 0) return 0;
  std::int64_t last = item_size(view.dtype);
  for (int i = 0; i < view.ndim; ++i) {
    if (view.stride[i] < 0) return -1;
    last += (view.shape[i] - 1) * view.stride[i];
  }
  return last;
}

template <class Values>
py::tuple tuple_of(const Values& values, int count) {
  py::tuple result(count);
  for (int i = 0; i < count; ++i) result[i] = values[i];
  return result;
}

}  // namespace

DeviceArray::DeviceArray(const py::object& nbytes)
    : nbytes_(integer("DeviceArray", "nbytes", nbytes, 0, kLargest)) {
  cuda::require_device(0);
  memory_ = std::make_shared<const cuda::Memory>(static_cast<std::size_t>(nbytes_));
  view_.data = memory_->as<void>();
  view_.dtype = DType::u8;
  view_.device = Device::cuda;
  view_.present = view_.writable = true;
  view_.ndim = 1;
  view_.shape[0] = nbytes_;
  view_.stride[0] = 1;
}

DeviceArray DeviceArray::part(const py::object& offset, const py::object& like) const {
  const std::int64_t skipped = integer("part", "offset", offset, 0, nbytes_);
  View view = view_of("part", "like", like);
  if (!view) throw Error(ErrorKind::type, "part", "like", "expected a NumPy array, got None");
  const std::int64_t needed = extent(view);
  if (needed < 0) throw Error(ErrorKind::value, "part", "like", "has a negative stride");
  if (needed > nbytes_ - skipped)
    throw Error(ErrorKind::value, "part", "like",
                "needs " + std::to_string(needed) + " bytes, but " + std::to_string(nbytes_ - skipped) +
                    " are left behind the offset");
  view.device = Device::cuda;
  view.writable = true;
  view.data = view_.as<char>() + skipped;
  DeviceArray result(memory_, view);
  result.nbytes_ = nbytes_ - skipped;
  return result;
}

View DeviceArray::host(const char* function, const char* argument, const py::object& object) const {
  if (!py::isinstance<py::array>(object))
    throw Error(ErrorKind::type, function, argument,
                std::string("expected a NumPy array, got ") + Py_TYPE(object.ptr())->tp_name);
  const View view = view_of(function, argument, object);
  if (!view.contiguous() || !view_.contiguous())
    throw Error(ErrorKind::value, function, argument, "only C-contiguous arrays are copied");
  if (bytes(view) != bytes(view_))
    throw Error(ErrorKind::value, function, argument,
                "expected " + std::to_string(bytes(view_)) + " bytes, got " + std::to_string(bytes(view)));
  return view;
}

void DeviceArray::upload(const py::object& from) const {
  const View view = host("upload", "from", from);
  const py::gil_scoped_release released;
  if (bytes(view) > 0) cuda::runtime().upload(view_.data, view.data, static_cast<std::size_t>(bytes(view)));
}

void DeviceArray::download(const py::object& into) const {
  const View view = host("download", "into", into);
  if (!view.writable) throw Error(ErrorKind::value, "download", "into", "is read-only");
  const py::gil_scoped_release released;
  if (bytes(view) > 0) cuda::runtime().download(view.data, view_.data, static_cast<std::size_t>(bytes(view)));
}

py::dict DeviceArray::interface() const {
  py::dict result;
  result["version"] = 3;
  result["typestr"] = py::str(py::dtype(dtype_name(view_.dtype)).attr("str"));
  result["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(view_.data), false);
  result["shape"] = tuple_of(view_.shape, view_.ndim);
  result["strides"] = tuple_of(view_.stride, view_.ndim);
  result["stream"] = py::none();  // copies and runs have ended when they return
  return result;
}

void bind_device_array(py::module_& m) {
  py::class_<DeviceArray>(m, "DeviceArray", "Device memory, or a part of it, with a shape and a dtype.")
      .def(py::init<const py::object&>(), py::arg("nbytes"), "A block of bytes that nobody has written yet.")
      .def("part", &DeviceArray::part, py::arg("offset"), py::arg("like"),
           "What lies `offset` bytes from its beginning, with shape, strides and dtype of a host array.")
      .def("upload", &DeviceArray::upload, "Copies a host array of as many bytes here.")
      .def("download", &DeviceArray::download, "Copies this into such a host array.")
      .def_property_readonly(
          "shape", [](const DeviceArray& a) { return tuple_of(a.view().shape, a.view().ndim); }, "Its axes.")
      .def_property_readonly("__cuda_array_interface__", &DeviceArray::interface,
                             "By which CuPy, PyTorch and others take it, without a copy.");
}

}  // namespace densor::bindings
