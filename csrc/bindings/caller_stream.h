// The streams on which the caller works: our stream follows them where their arrays come in, and they follow
// ours where arrays go out or were used. Nobody waits on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings/array.h"

namespace densor::bindings {

// A stream as array libraries name it: 1 is the legacy default stream, 2 that of the thread, other numbers
// are handles; 0, which would be ambiguous, stands for one that nobody names.
using StreamNumber = std::intptr_t;
inline constexpr StreamNumber kLegacyStream = 1;

StreamNumber our_stream();

// Those that are current on this thread in CuPy and PyTorch, if somebody has imported and used them.
std::vector<StreamNumber> current_streams();

// The one on which the caller works with this array: what its `__cuda_array_interface__` names (version 3),
// or the current one of PyTorch or CuPy where it is of theirs and names none. 0: nobody says, as where there
// is DLPack only. `function` and `argument` are for errors.
StreamNumber caller_stream(const char* function, const char* argument, const py::handle& array);

// What comes on our stream goes on behind what is on that one. Throws Error(value) where it is being captured
// in a graph: memory that is allocated meanwhile would be the graph's.
void follow(const char* function, const char* argument, StreamNumber stream);
void refuse_captured(const char* function, const char* argument, StreamNumber stream);

// Our stream goes on behind what the caller still has on the array's. Where nobody names that, and there is
// no interface or one older than the word for it, DLPack's producer lets ours wait: each
// `__dlpack__(stream=...)` orders what it has done so far, whatever becomes of the capsule. The other way
// DLPack has no word: a producer is not told when our stream is done, so the host waits
// (`let_callers_follow`).
void follow_owner(const char* function, const char* argument, const py::handle& array);

// What comes on that stream goes on behind what is on ours. Throws Error(value) where it is being captured:
// a graph cannot wait for what is outside it, and would be lost.
void let_follow(StreamNumber stream, const char* function = "run", const char* argument = "array");

// The same for whoever has one of these arrays: parts of steps as Python holds them (arrays, feeds,
// lists of either). Where nobody says on which stream that is, the host waits until ours is done.
void let_callers_follow(const std::vector<py::object>& held);

}  // namespace densor::bindings
