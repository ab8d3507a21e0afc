#include "bindings/dlpack.h"

#include <array>
#include <memory>
#include <string>

#include "bindings/caller_stream.h"
#include "bindings/scalar.h"
#include "core/error.h"
#include "cuda/launch.h"

namespace densor::bindings {

namespace {

// The structures of DLPack 1.0, field by field.
struct Version {
  std::uint32_t major, minor;
};
struct DeviceOf {
  std::int32_t kind, index;
};
struct TypeOf {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct Tensor {
  void* data;
  DeviceOf device;
  std::int32_t ndim;
  TypeOf dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements
  std::uint64_t byte_offset;
};
struct Managed {
  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};
struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};

constexpr std::int32_t kHost = 1, kCuda = 2;
constexpr std::uint64_t kReadOnly = 1;
constexpr Version kVersion{1, 0};

TypeOf type_of(DType dtype) {
  constexpr std::uint8_t kInt = 0, kUnsigned = 1, kFloat = 2, kBfloat = 4, kBool = 6;
  const auto bits = static_cast<std::uint8_t>(8 * item_size(dtype));
  switch (dtype) {
    case DType::boolean:
      return {kBool, bits, 1};
    case DType::u8:
    case DType::u16:
    case DType::u32:
    case DType::u64:
      return {kUnsigned, bits, 1};
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
      return {kInt, bits, 1};
    case DType::bf16:
      return {kBfloat, bits, 1};
    case DType::f16:
    case DType::f32:
    case DType::f64:
      break;
  }
  return {kFloat, bits, 1};
}

// A capsule's tensor with what it points at. The owner of the memory lives as long.
template <class M>
struct Lent {
  M managed{};
  std::array<std::int64_t, kMaxDims> shape{}, strides{};
  py::object owner;

  Lent(const View& view, const py::object& owner_) : owner(owner_) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(view.ndim); ++i) {
      shape[i] = view.shape[i];
      strides[i] = view.stride[i] / item_size(view.dtype);
    }
    const auto [kind, index] = dlpack_device();
    managed.tensor = {view.data,    {kind, index},  view.ndim, type_of(view.dtype),
                      shape.data(), strides.data(), 0};
    managed.context = this;
    managed.deleter = [](M* it) {
      const py::gil_scoped_acquire gil;  // a consumer may let go of it anywhere
      delete static_cast<Lent*>(it->context);
    };
  }
};

// `name` is what the standard calls a capsule that nobody has consumed; it then renames it.
template <class M>
py::capsule capsule_of(const View& view, const py::object& owner, const char* name, M*& managed) {
  auto lent = std::make_unique<Lent<M>>(view, owner);
  managed = &lent->managed;
  PyObject* made = PyCapsule_New(managed, name, [](PyObject* capsule) {
    const char* now = PyCapsule_GetName(capsule);
    if (now == nullptr || std::string(now).rfind("used_", 0) == 0) return;
    auto* unused = static_cast<M*>(PyCapsule_GetPointer(capsule, now));
    unused->deleter(unused);
  });
  if (made == nullptr) throw py::error_already_set();
  lent.release();
  return py::reinterpret_steal<py::capsule>(made);
}

// The consumer's, to which None is the legacy default stream; 0 for one that wants nothing to wait.
StreamNumber stream_of_consumer(const py::object& stream) {
  if (stream.is_none()) return kLegacyStream;
  const std::int64_t value = integer("__dlpack__", "stream", stream, -1);
  if (value == 0)
    throw Error(ErrorKind::value, "__dlpack__", "stream",
                "0 is ambiguous: use 1 for the legacy default stream, 2 for that of the thread");
  return value < 0 ? 0 : value;
}

bool dtype_of_type(const TypeOf& type, DType& dtype) {
  if (type.lanes != 1) return false;
  for (int i = 0; i < kDTypeCount; ++i) {
    dtype = static_cast<DType>(i);
    const TypeOf known = type_of(dtype);
    if (known.code == type.code && known.bits == type.bits) return true;
  }
  return false;
}

// Memory of another device than ours is as good as none: nothing here would say so when kernels read it.
void check_place(const char* function, const char* argument, int kind, int index) {
  constexpr int kManaged = 13;
  const auto here = dlpack_device();
  if ((kind != here.first && kind != kManaged && kind != kCuda) || index != here.second)
    throw Error(ErrorKind::value, function, argument,
                "is on device (" + std::to_string(kind) + ", " + std::to_string(index) +
                    ") of DLPack, only memory of " + std::string(py::str(py::cast(here))) +
                    " can be used; copy it there");
}

View view_of_tensor(const char* function, const char* argument, const Tensor& tensor) {
  View view;
  view.present = view.writable = true;
  view.device = Device::cuda;
  if (!dtype_of_type(tensor.dtype, view.dtype))
    throw Error(ErrorKind::type, function, argument,
                "has a dtype that is not supported; convert it to float32");
  if (tensor.ndim > kMaxDims)
    throw Error(ErrorKind::value, function, argument,
                "has " + std::to_string(tensor.ndim) + " dimensions, at most " + std::to_string(kMaxDims) +
                    " can be used");
  view.ndim = tensor.ndim;
  view.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  std::int64_t stride = item_size(view.dtype);
  for (int i = view.ndim - 1; i >= 0; --i) {
    const auto axis = static_cast<std::size_t>(i);
    view.shape[axis] = tensor.shape[i];
    view.stride[axis] = tensor.strides == nullptr ? stride : tensor.strides[i] * item_size(view.dtype);
    stride *= view.shape[axis];
  }
  return view;
}

}  // namespace

std::pair<int, int> dlpack_device() { return {std::string(cuda::build_kind()) == "host" ? kHost : kCuda, 0}; }

py::capsule dlpack_capsule(const View& view, const py::object& owner, const py::object& stream,
                           const py::object& max_version, const py::object& dl_device,
                           const py::object& copy) {
  const auto here = dlpack_device();
  const StreamNumber consumer = stream_of_consumer(stream);
  if (!copy.is_none() && flag("__dlpack__", "copy", copy))
    throw py::buffer_error("__dlpack__(): argument 'copy': only the memory itself is handed out");
  if (!dl_device.is_none() && dl_device.cast<std::pair<int, int>>() != here)
    throw py::buffer_error("__dlpack__(): argument 'dl_device': the memory is on device " +
                           std::string(py::str(py::cast(here))) + ", and is not copied to another");
  const bool versioned = !max_version.is_none() && max_version.cast<std::pair<int, int>>().first >= 1;
  if (!view.writable && !versioned)
    throw py::buffer_error("__dlpack__(): read-only memory needs max_version=(1, 0)");
  let_follow(consumer, "__dlpack__", "stream");
  if (versioned) {
    ManagedVersioned* managed = nullptr;
    auto capsule = capsule_of(view, owner, "dltensor_versioned", managed);
    managed->version = kVersion;
    managed->flags = view.writable ? 0 : kReadOnly;
    return capsule;
  }
  Managed* managed = nullptr;
  return capsule_of(view, owner, "dltensor", managed);
}

Borrowed from_dlpack(const char* function, const char* argument, const py::handle& array) {
  cuda::require_device(0);
  if (py::hasattr(array, "__dlpack_device__")) {
    const py::tuple place = array.attr("__dlpack_device__")();
    check_place(function, argument, place[0].cast<int>(), place[1].cast<int>());
  }
  const py::object made = array.attr("__dlpack__")(py::arg("stream") = our_stream());
  if (PyCapsule_IsValid(made.ptr(), "dltensor") == 0)
    throw Error(ErrorKind::type, function, argument, "its __dlpack__ returns no capsule named 'dltensor'");
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(made.ptr(), "dltensor"));
  check_place(function, argument, managed->tensor.device.kind, managed->tensor.device.index);
  const View view = view_of_tensor(function, argument, managed->tensor);
  PyCapsule_SetName(made.ptr(), "used_dltensor");  // now it is ours to delete
  const auto release = [](Managed* it) {
    const py::gil_scoped_acquire gil;
    if (it->deleter != nullptr) it->deleter(it);
  };
  return {view, std::shared_ptr<const void>(managed, release)};
}

}  // namespace densor::bindings
