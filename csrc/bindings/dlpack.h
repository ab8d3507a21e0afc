// Device arrays as DLPack capsules, by which array libraries hand memory to one another without a copy.
#pragma once

#include <utility>

#include "bindings/array.h"

namespace densor::bindings {

// What __dlpack_device__ returns: the kind of the memory and the number of the device. Emulated memory is
// that of the host.
std::pair<int, int> dlpack_device();

// What __dlpack__ returns for memory that `owner` keeps: a capsule as of DLPack 1, or of versions before it
// for a consumer that names none. Raises BufferError where the consumer asks for a copy or for another
// device. The stream is the consumer's; our results are complete, so nothing has to wait for it.
py::capsule dlpack_capsule(const View& view, const py::object& owner, const py::object& stream,
                           const py::object& max_version, const py::object& dl_device,
                           const py::object& copy);

}  // namespace densor::bindings
