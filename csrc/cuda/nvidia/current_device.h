// Which GPU is current on a thread: CUDA's calls mean that one, and so do those of other libraries there.
#pragma once

#include <cuda_runtime.h>

#include "cuda/failure.h"

namespace densor::cuda {

inline constexpr int kDevice = 0;  // ours

// Ours is current as long as this lives; then the caller's own is again.
class OnDevice {
 public:
  OnDevice() noexcept {
    if (cudaGetDevice(&before_) != cudaSuccess ||
        (before_ != kDevice && cudaSetDevice(kDevice) != cudaSuccess))
      cudaGetLastError();  // the call that needs the device says so
  }
  // Throws Error(device) where the context is lost.
  explicit OnDevice(const char* function) : OnDevice() { context().require(function); }
  ~OnDevice() {
    if (before_ != kDevice && cudaSetDevice(before_) != cudaSuccess) cudaGetLastError();
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = kDevice;
};

}  // namespace densor::cuda
