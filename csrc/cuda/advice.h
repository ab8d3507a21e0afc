// What went wrong with a device, and what helps, in words: functions of plain integers, so that they are
// tested where there is no device.
#pragma once

#include <cstdint>
#include <string>

namespace densor::cuda {

// Statuses of the CUDA run time that are told apart; nvidia/runtime.cpp compares them with its header.
enum Status : int {
  kOutOfMemory = 2,
  kInitializationError = 3,
  kStubLibrary = 34,
  kInsufficientDriver = 35,
  kDevicesUnavailable = 46,
  kInvalidDeviceFunction = 98,
  kNoDevice = 100,
  kNoKernelImage = 209,
  kUncorrectable = 214,
  kUnsupportedPtx = 222,
  kIllegalAddress = 700,
  kLaunchTimeout = 702,
  kAssert = 710,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailure = 719,
  kSystemNotReady = 802,
  kDriverMismatch = 803,
  kNotSupportedByDevice = 804,
  kFirstOfCapture = 900,
  kLastOfCapture = 908,
};

// What is known of a machine, as far as one could ask.
struct Found {
  int driver = 0;        // CUDA version of the driver, 1000 major + 10 minor; 0: there is none
  int needed = 0;        // the oldest that will do
  int devices = 0;       // GPUs that this process sees
  int architecture = 0;  // of the one that is to be used: 90 for sm_90
  int code = 0;          // status of a look for our code for it
};

inline std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// What a program does about a status, behind the driver's words for it; empty where nothing is known to help.
inline std::string advice(int status, bool forked) {
  switch (status) {
    case kInsufficientDriver:
      return "; update the NVIDIA driver or use device=\"cpu\"";
    case kNoDevice:
      return "; no GPU is visible (CUDA_VISIBLE_DEVICES?): use device=\"cpu\"";
    case kInvalidDeviceFunction:
    case kNoKernelImage:
      return "; this build has no code for this GPU's architecture: add it to CMAKE_CUDA_ARCHITECTURES, or "
             "use "
             "device=\"cpu\"";
    case kUnsupportedPtx:
      return "; the NVIDIA driver is older than the compiler of the only code that this build has for this "
             "GPU: "
             "update the driver or use device=\"cpu\"";
    case kInitializationError:
      return forked ? "; CUDA cannot be used in a forked child: start processes with \"spawn\""
                    : "; the NVIDIA driver did not start: see what nvidia-smi says, or use device=\"cpu\"";
    case kOutOfMemory:
      return "; use smaller batches or a smaller model";
    default:
      return "";
  }
}

// What the machine lacks for device "cuda"; empty: nothing.
inline std::string missing(const Found& found) {
  const std::string use_cpu = " or use device=\"cpu\"";
  if (found.driver == 0) return "there is no NVIDIA driver; install one" + use_cpu;
  if (found.driver < found.needed)
    return "the NVIDIA driver is for CUDA " + version_text(found.driver) + ", this build needs " +
           version_text(found.needed) + "; update the driver" + use_cpu;
  if (found.devices == 0) return "no GPU is visible; look at CUDA_VISIBLE_DEVICES" + use_cpu;
  const bool no_code = found.code == kInvalidDeviceFunction || found.code == kNoKernelImage;
  const std::string gpu = "this build has no code for the GPU's architecture, sm_";
  if (no_code && found.architecture < 75)
    return gpu + std::to_string(found.architecture) + ", which is older than sm_75; use device=\"cpu\"";
  if (no_code)
    return gpu + std::to_string(found.architecture) + "; add it to CMAKE_CUDA_ARCHITECTURES" + use_cpu;
  if (found.code != 0)
    return "loading a kernel failed with status " + std::to_string(found.code) + advice(found.code, false);
  return "";
}

// Whether a status says that the context is lost for good: it is known for it, or the next call, which asked
// for something else, came back with the same one. Where no context could be made none is lost.
inline bool poisons(int status, int next) {
  switch (status) {
    case kUncorrectable:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kAssert:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailure:
      return true;
    case kOutOfMemory:
    case kInitializationError:
    case kInsufficientDriver:
    case kDevicesUnavailable:
    case kNoDevice:
    case kDriverMismatch:
    case kStubLibrary:
    case kSystemNotReady:
    case kNotSupportedByDevice:
      return false;
    default:
      // While a stream is captured, by whomever, every call may fail in this way.
      return status == next && (status < kFirstOfCapture || status > kLastOfCapture);
  }
}

// An allocation that failed. wanted < 0: the driver wanted it for itself; total = 0: it does not say what is
// free.
inline std::string memory_text(std::int64_t wanted, std::int64_t free, std::int64_t total) {
  const std::string needs = wanted < 0 ? "the driver wanted more device memory than there is"
                                       : "wanted " + std::to_string(wanted) + " bytes of device memory";
  const std::string has = total == 0
                              ? "how much is free is not known"
                              : std::to_string(free) + " of " + std::to_string(total) + " bytes are free";
  return needs + ", " + has + advice(kOutOfMemory, false);
}

}  // namespace densor::cuda
