// Linked when this build has no CUDA kernels: every entry throws the same error.
#include "core/error.h"
#include "cuda/launch.h"

namespace densor::cuda {

namespace {

[[noreturn]] void absent() {
  throw Error(ErrorKind::device, "require_device", "device",
              "'cuda' is not available: this build of densor has no CUDA kernels; use device=\"cpu\"");
}

}  // namespace

const char* build_kind() { return "absent"; }
void require_device(int) { absent(); }
bool uses_host_memory() { return false; }
void emulate(const Emulation&) { absent(); }
std::vector<Event> emulated_order() { absent(); }
Traffic emulated_traffic() { absent(); }
const Launchers& launchers() { absent(); }
Runtime& runtime() { absent(); }

}  // namespace densor::cuda
