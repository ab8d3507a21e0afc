// Linked when this build has no CUDA kernels: every launcher throws the same error.
#include "core/error.h"
#include "cuda/launch.h"

namespace densor::cuda {

namespace {

[[noreturn]] void absent() {
  throw Error(ErrorKind::device, "require_device", "device",
              "'cuda' is not available: this build of densor has no CUDA kernels; use device=\"cpu\"");
}

}  // namespace

void require_device(int) { absent(); }

}  // namespace densor::cuda
