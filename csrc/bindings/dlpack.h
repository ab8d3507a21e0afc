// Device arrays as DLPack capsules, by which array libraries hand memory to one another without a copy.
#pragma once

#include <memory>
#include <utility>

#include "bindings/array.h"

namespace densor::bindings {

// What __dlpack_device__ returns: the kind of the memory and the number of the device. Emulated memory is
// that of the host.
std::pair<int, int> dlpack_device();

// What __dlpack__ returns for memory that `owner` keeps: a capsule as of DLPack 1, or of versions before it
// for a consumer that names none. Raises BufferError where the consumer asks for a copy or for another
// device. The consumer's stream goes on behind ours: 1, or None, for the legacy default stream, -1 for none.
py::capsule dlpack_capsule(const View& view, const py::object& owner, const py::object& stream,
                           const py::object& max_version, const py::object& dl_device,
                           const py::object& copy);

// The other way: memory of an array that has no other interface than `__dlpack__`, and what keeps it. Its
// producer lets our stream wait for what it still has to do. `function` and `argument` are for errors.
struct Borrowed {
  View view;
  std::shared_ptr<const void> owner;
};
Borrowed from_dlpack(const char* function, const char* argument, const py::handle& array);

}  // namespace densor::bindings
