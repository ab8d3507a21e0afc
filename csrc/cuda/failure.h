// What can happen to a device that no argument is to blame for: no memory left, a context that is lost, a
// process that was forked off the one whose device it is.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "cuda/advice.h"

namespace densor::cuda {

// In bytes; see memory_text.
[[noreturn]] inline void out_of_memory(const char* function, std::int64_t wanted, std::size_t free,
                                       std::size_t total) {
  throw Error(ErrorKind::device_memory, function, "",
              memory_text(wanted, static_cast<std::int64_t>(free), static_cast<std::int64_t>(total)));
}

// Whether this process can use its device. Not after an error that poisons the context: all memory there is
// lost, and only a new process gets a new one. Nor in a child that was forked after the first use.
class Context {
 public:
  // Before any use: throws Error(device) saying what became of the context.
  void require(const char* function) {
    if (owner_ == 0) owner_ = getpid();
    if (owner_ != getpid())
      throw Error(ErrorKind::device, function, "",
                  "CUDA cannot be used in a forked child of a process that has used it: start processes with "
                  "multiprocessing's method \"spawn\"");
    if (!lost_.empty())
      throw Error(ErrorKind::device, function, "",
                  lost_ + "; the GPU's context is lost: this process must be restarted");
  }
  // From now on `require` throws.
  void lose(const std::string& why) {
    if (lost_.empty()) lost_ = why;
  }
  void restore() { lost_.clear(); }

 private:
  pid_t owner_ = 0;
  std::string lost_;
};

inline Context& context() {
  static Context it;
  return it;
}

}  // namespace densor::cuda
