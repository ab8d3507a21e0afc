#include "bindings/caller_stream.h"

#include <algorithm>

#include "bindings/device_array.h"
#include "bindings/feed.h"
#include "bindings/interpreter.h"
#include "core/error.h"
#include "cuda/launch.h"

namespace densor::bindings {

namespace {

constexpr int kDevice = 0;  // ours

void* handle_of(StreamNumber stream) { return reinterpret_cast<void*>(stream); }

StreamNumber number_of(const py::object& handle) {
  const auto number = handle.cast<StreamNumber>();
  return number == 0 ? kLegacyStream : number;  // CUDA's own name for it
}

// 0 where PyTorch has not begun to use a GPU.
StreamNumber stream_of_torch() {
  const py::object torch = imported("torch");
  if (!torch || !py::hasattr(torch, "cuda")) return 0;
  const py::object cuda = torch.attr("cuda");
  if (!cuda.attr("is_initialized")().cast<bool>()) return 0;
  return number_of(cuda.attr("current_stream")(kDevice).attr("cuda_stream"));
}

StreamNumber stream_of_cupy() {
  const py::object cupy = imported("cupy");
  if (!cupy || !py::hasattr(cupy, "cuda")) return 0;
  return number_of(cupy.attr("cuda").attr("get_current_stream")(kDevice).attr("ptr"));
}

bool is_of(const py::handle& array, const char* library, const char* type) {
  const py::object module = imported(library);
  return module && py::hasattr(module, type) && py::isinstance(array, module.attr(type));
}

// Adds the streams of those who have what a step holds.
void add_callers(const py::handle& held, std::vector<StreamNumber>& streams) {
  if (held.is_none() || py::isinstance<py::array>(held)) return;
  if (py::isinstance<py::list>(held) || py::isinstance<py::tuple>(held)) {
    for (const py::handle& item : py::reinterpret_borrow<py::sequence>(held)) add_callers(item, streams);
  } else if (py::isinstance<BoundFeed>(held)) {
    add_callers(held.cast<const BoundFeed&>().array(), streams);
  } else if (py::isinstance<DeviceArray>(held)) {
    const std::vector<StreamNumber> more = held.cast<const DeviceArray&>().callers();
    streams.insert(streams.end(), more.begin(), more.end());
  } else if (py::hasattr(held, "__cuda_array_interface__")) {
    streams.push_back(caller_stream("run", "array", held));
  }
}

}  // namespace

StreamNumber our_stream() { return reinterpret_cast<StreamNumber>(cuda::runtime().stream()); }

std::vector<StreamNumber> current_streams() {
  std::vector<StreamNumber> streams{stream_of_cupy(), stream_of_torch()};
  streams.erase(std::remove(streams.begin(), streams.end(), 0), streams.end());
  if (streams.size() == 2 && streams[0] == streams[1]) streams.pop_back();
  return streams;
}

StreamNumber caller_stream(const char* function, const char* argument, const py::handle& array) {
  if (!py::hasattr(array, "__cuda_array_interface__")) return 0;
  const py::dict interface = array.attr("__cuda_array_interface__");
  if (interface.contains("stream") && !interface["stream"].is_none()) {
    const auto stream = interface["stream"].cast<StreamNumber>();
    if (stream == 0)
      throw Error(ErrorKind::value, function, argument, "stream 0 is ambiguous in __cuda_array_interface__");
    return stream;
  }
  if (is_of(array, "torch", "Tensor")) return stream_of_torch();
  return is_of(array, "cupy", "ndarray") ? stream_of_cupy() : 0;
}

void follow_owner(const char* function, const char* argument, const py::handle& array) {
  if (const StreamNumber stream = caller_stream(function, argument, array))
    return follow(function, argument, stream);
  const bool says_none = py::hasattr(array, "__cuda_array_interface__") &&
                         array.attr("__cuda_array_interface__")["version"].cast<int>() >= 3;
  if (!says_none && py::hasattr(array, "__dlpack__"))
    array.attr("__dlpack__")(py::arg("stream") = our_stream());
}

void refuse_captured(const char* function, const char* argument, StreamNumber stream) {
  if (stream != 0 && cuda::runtime().is_capturing(handle_of(stream)))
    throw Error(ErrorKind::value, function, argument,
                "is on a stream that is being captured in a graph; densor's functions allocate memory and "
                "cannot be captured: call them before or after");
}

void follow(const char* function, const char* argument, StreamNumber stream) {
  if (stream == 0) return;
  refuse_captured(function, argument, stream);
  cuda::runtime().wait_for(handle_of(stream));
}

void let_follow(StreamNumber stream, const char* function, const char* argument) {
  if (stream == 0) return;
  if (cuda::runtime().is_capturing(handle_of(stream)))
    throw Error(
        ErrorKind::value, function, argument,
        "is a stream that is being captured in a graph, which cannot wait for densor's: hand the array "
        "over before or after");
  cuda::runtime().let_wait(handle_of(stream));
}

void let_callers_follow(const std::vector<py::object>& held) {
  std::vector<StreamNumber> streams;
  for (const py::object& object : held) add_callers(object, streams);
  std::sort(streams.begin(), streams.end());
  streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
  for (const StreamNumber stream : streams) let_follow(stream);
  if (streams.empty() || streams.front() != 0) return;
  const py::gil_scoped_release released;
  cuda::runtime().synchronize();
}

}  // namespace densor::bindings
