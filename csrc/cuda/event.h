// What the emulated device and the host do, as tests look at it.
#pragma once

#include <cstdint>

namespace densor::cuda {

struct Event {
  enum class Kind {
    launch,    // of a kernel, on our stream
    follow,    // our stream goes on behind `stream`
    let_wait,  // `stream` goes on behind ours
    everyone,  // the host waits for all streams
    host,      // the host waits for ours
  };
  Kind kind;
  std::uintptr_t stream;
};

}  // namespace densor::cuda
