#include "bindings/device_array.h"

#include <algorithm>
#include <memory>
#include <string>

#include "bindings/device_pool.h"
#include "bindings/dlpack.h"
#include "bindings/list.h"
#include "bindings/scalar.h"
#include "core/check.h"
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

// A model and its programs refer to each other: what one had that nobody uses any more may wait for Python to
// look for such circles.
std::shared_ptr<const cuda::Memory> allocated(std::int64_t nbytes) {
  const auto allocate = [&] {
    return std::make_shared<const cuda::Memory>(static_cast<std::size_t>(nbytes));
  };
  try {
    return allocate();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::device_memory) throw;
  }
  py::module_::import("gc").attr("collect")();
  return allocate();
}

}  // namespace

DeviceArray::DeviceArray(const py::object& nbytes)
    : nbytes_(integer("DeviceArray", "nbytes", nbytes, 0, kLargest)) {
  cuda::require_device(0);
  choose_pool();
  const std::shared_ptr<const cuda::Memory> memory = allocated(nbytes_);
  owner_ = memory;
  memory_ = memory.get();
  view_.data = memory->as<void>();
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
  DeviceArray result(*this, view);
  result.nbytes_ = nbytes_ - skipped;
  return result;
}

DeviceArray DeviceArray::wrapped(const py::object& array) {
  if (py::isinstance<DeviceArray>(array)) return array.cast<DeviceArray>();
  if (!py::hasattr(array, "__cuda_array_interface__") && py::hasattr(array, "__dlpack__")) {
    const Borrowed borrowed = from_dlpack("DeviceArray", "array", array);
    return of_others(array, borrowed.view, borrowed.owner);
  }
  const bool foreign = py::hasattr(array, "__cuda_array_interface__");
  const View view =
      foreign ? view_of_foreign("DeviceArray", "array", array) : view_of("DeviceArray", "array", array);
  if (view.device != Device::cuda)
    throw Error(ErrorKind::type, "DeviceArray", "array", "is not in device memory");
  if (foreign) refuse_captured("DeviceArray", "array", caller_stream("DeviceArray", "array", array));
  return of_others(array, view, nullptr);
}

DeviceArray DeviceArray::of_others(const py::object& array, const View& view,
                                   const std::shared_ptr<const void>& capsule) {
  struct Foreign {
    py::object array;
    std::shared_ptr<const void> capsule;
  };
  const auto release = [](Foreign* foreign) {
    const py::gil_scoped_acquire gil;
    delete foreign;
  };
  const std::shared_ptr<Foreign> owner(new Foreign{array, capsule}, release);
  DeviceArray result(owner, view);
  result.nbytes_ = std::max<std::int64_t>(extent(view), 0);
  if (capsule != nullptr || py::hasattr(array, "__cuda_array_interface__")) result.foreign_ = &owner->array;
  return result;
}

std::vector<StreamNumber> DeviceArray::callers() const {
  if (foreign_ != nullptr) return {caller_stream("run", "array", *foreign_)};
  if (memory_ == nullptr) return {0};
  return memory_->lent() ? current_streams() : std::vector<StreamNumber>{};
}

void DeviceArray::follow_borrowers(const char* function, const char* argument) const {
  if (foreign_ != nullptr) return follow_owner(function, argument, *foreign_);
  if (memory_ == nullptr || !memory_->lent()) return;
  for (const StreamNumber stream : current_streams()) follow(function, argument, stream);
}

DeviceArray DeviceArray::reshaped(const py::args& arguments) const {
  const bool packed = arguments.size() == 1 &&
                      (py::isinstance<py::tuple>(arguments[0]) || py::isinstance<py::list>(arguments[0]));
  const py::tuple shape = packed ? py::tuple(arguments[0]) : py::tuple(arguments);
  const auto function = "reshape";
  if (!view_.contiguous()) throw Error(ErrorKind::value, function, "shape", "the array is not in C order");
  if (shape.size() > kMaxDims) throw Error(ErrorKind::value, function, "shape", "has too many axes");
  View view = view_;
  view.ndim = static_cast<int>(shape.size());
  std::int64_t known = 1, open = -1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    view.shape[i] = integer(function, "shape", shape[i], -1, kLargest);
    if (view.shape[i] >= 0)
      known = checked_multiply(function, known, view.shape[i]);
    else if (open < 0)
      open = static_cast<std::int64_t>(i);
    else
      throw Error(ErrorKind::value, function, "shape", "has more than one -1");
  }
  if (open >= 0) view.shape[static_cast<std::size_t>(open)] = known > 0 ? view_.size() / known : 0;
  std::int64_t stride = item_size(view.dtype);
  for (int i = view.ndim - 1; i >= 0; --i) {
    view.stride[i] = stride;
    stride = checked_multiply(function, stride, view.shape[i]);
  }
  if (view.size() != view_.size())
    throw Error(ErrorKind::value, function, "shape",
                shape_text(view) + " has " + std::to_string(view.size()) + " elements, the array " +
                    std::to_string(view_.size()));
  DeviceArray result(*this, view);
  result.nbytes_ = nbytes_;
  return result;
}

DeviceArray DeviceArray::moved(const std::vector<int>& axes) const {
  View view = view_;
  std::vector<int> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < view_.ndim; ++i)
    if (static_cast<int>(axes.size()) != view_.ndim || sorted[static_cast<std::size_t>(i)] != i)
      throw Error(ErrorKind::value, "moved", "axes", "is no order of the array's axes");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    view.shape[i] = view_.shape[static_cast<std::size_t>(axes[i])];
    view.stride[i] = view_.stride[static_cast<std::size_t>(axes[i])];
  }
  DeviceArray result(*this, view);
  result.nbytes_ = nbytes_;
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
  follow_borrowers("upload", "self");
  const py::gil_scoped_release released;
  if (bytes(view) > 0) cuda::runtime().upload(view_.data, view.data, static_cast<std::size_t>(bytes(view)));
}

void DeviceArray::download(const py::object& into) const {
  const View view = host("download", "into", into);
  if (!view.writable) throw Error(ErrorKind::value, "download", "into", "is read-only");
  follow_borrowers("download", "self");
  const py::gil_scoped_release released;
  if (bytes(view) > 0) cuda::runtime().download(view.data, view_.data, static_cast<std::size_t>(bytes(view)));
}

py::dict DeviceArray::interface() const {
  if (foreign_ != nullptr) follow_owner("__cuda_array_interface__", "self", *foreign_);
  lend();
  for (const StreamNumber stream : current_streams())
    let_follow(stream, "__cuda_array_interface__", "stream");  // PyTorch reads none here
  py::dict result;
  result["version"] = 3;
  result["typestr"] = py::str(py::dtype(dtype_name(view_.dtype)).attr("str"));
  result["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(view_.data), !view_.writable);
  result["shape"] = tuple_of(view_.shape, view_.ndim);
  result["strides"] = tuple_of(view_.stride, view_.ndim);
  result["stream"] = our_stream();
  return result;
}

namespace {

// The words by which array libraries hand memory to one another.
void bind_exchange(py::class_<DeviceArray>& type) {
  type.def_property_readonly("__cuda_array_interface__", &DeviceArray::interface,
                             "By which CuPy, PyTorch and others take it, without a copy.")
      .def(
          "__dlpack__",
          [](const py::object& self, const py::object& stream, const py::object& max_version,
             const py::object& dl_device, const py::object& copy) {
            const auto& array = self.cast<const DeviceArray&>();
            if (!array.ours()) array.follow_borrowers("__dlpack__", "self");
            array.lend();
            return dlpack_capsule(array.view(), self, stream, max_version, dl_device, copy);
          },
          py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
          py::arg("dl_device") = py::none(), py::arg("copy") = py::none(),
          "The memory itself as a capsule, as the array API standard has it.")
      .def(
          "__dlpack_device__", [](const DeviceArray&) { return dlpack_device(); },
          "The kind of its memory, 2 for CUDA, and the number of the device.");
}

}  // namespace

void bind_device_array(py::module_& m) {
  py::class_<DeviceArray> type(m, "DeviceArray", "Device memory, or a part of it, with a shape and a dtype.");
  type.def(py::init<const py::object&>(), py::arg("nbytes"), "A block of bytes that nobody has written yet.")
      .def("part", &DeviceArray::part, py::arg("offset"), py::arg("like"),
           "What lies `offset` bytes from its beginning, with shape, strides and dtype of a host array.")
      .def_static("wrapped", &DeviceArray::wrapped, py::arg("array"),
                  "An array of CuPy, PyTorch or anything else that shows its device memory, without a copy.")
      .def("reshape", &DeviceArray::reshaped, "The same memory under another shape of the same size.")
      .def("moved", &DeviceArray::moved, py::arg("axes"), "The same memory; axis i is axis axes[i] of this.")
      .def("upload", &DeviceArray::upload, "Copies a host array of as many bytes here.")
      .def("download", &DeviceArray::download, "Copies this into such a host array.")
      .def(
          "follow", [](const DeviceArray& a) { a.follow_borrowers("follow", "self"); },
          "What comes on our stream goes on behind theirs who have borrowed it.")
      .def_property_readonly(
          "shape", [](const DeviceArray& a) { return tuple_of(a.view().shape, a.view().ndim); }, "Its axes.")
      .def_property_readonly(
          "strides", [](const DeviceArray& a) { return tuple_of(a.view().stride, a.view().ndim); },
          "Bytes from one index to the next, for each axis.")
      .def_property_readonly(
          "ndim", [](const DeviceArray& a) { return a.view().ndim; }, "How many axes.")
      .def_property_readonly(
          "size", [](const DeviceArray& a) { return a.view().size(); }, "How many values.")
      .def_property_readonly(
          "contiguous", [](const DeviceArray& a) { return a.view().contiguous(); },
          "Whether they lie in C order without gaps.")
      .def(
          "numpy",
          [](const DeviceArray& a) {
            const View& view = a.view();
            py::array copy(py::dtype(dtype_name(view.dtype)),
                           std::vector<py::ssize_t>(view.shape.begin(), view.shape.begin() + view.ndim));
            a.download(copy);
            return copy;
          },
          "A copy in host memory.")
      .def_property_readonly(
          "dtype", [](const DeviceArray& a) { return py::dtype(dtype_name(a.view().dtype)); }, "Its dtype.")
      .def("__len__",
           [](const DeviceArray& a) {
             if (a.view().ndim == 0) throw py::type_error("len() of an array without axes");
             return a.view().rows();
           })
      .attr("__array_ufunc__") = py::none();  // NumPy leaves `number + array` to __radd__
  bind_exchange(type);
  m.def(
      "caller_stream",
      [](const py::object& array) {
        const StreamNumber stream = caller_stream("caller_stream", "array", array);
        return stream != 0 ? py::object(py::int_(stream)) : py::none();
      },
      py::arg("array"),
      "The stream on which the caller works with an array that shows its device memory, or None.");
}

}  // namespace densor::bindings
