// The CUDA side on a GPU: streams, memory and graphs through the CUDA run time.
#include <cuda_runtime.h>

#include <string>

#include "core/error.h"
#include "cuda/launch.h"
#include "cuda/nvidia/status.h"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

// Errors after which the context of this process is lost for good.
bool is_sticky(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorLaunchTimeout:
    case cudaErrorECCUncorrectable:
      return true;
    default:
      return false;
  }
}

std::string advice(cudaError_t status) {
  switch (status) {
    case cudaErrorInsufficientDriver:
      return "; the NVIDIA driver is missing or older than this build needs (CUDA " +
             std::to_string(CUDART_VERSION / 1000) + "): update it or use device=\"cpu\"";
    case cudaErrorNoDevice:
      return "; no GPU is visible (CUDA_VISIBLE_DEVICES?): use device=\"cpu\"";
    case cudaErrorNoKernelImageForDevice:
      return "; this build has no code for this GPU's architecture";
    case cudaErrorInitializationError:
      return "; CUDA cannot be used in a forked child: start processes with \"spawn\"";
    case cudaErrorMemoryAllocation:
      return "; use smaller batches or a smaller model";
    default:
      return is_sticky(status) ? "; the GPU's context is lost: this process must be restarted" : "";
  }
}

class NvidiaRuntime final : public Runtime {
 public:
  NvidiaRuntime() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream"); }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    check(cudaMallocAsync(&memory, bytes > 0 ? bytes : 1, stream_), "allocate");
    return memory;
  }
  void release(void* memory) noexcept override { cudaFreeAsync(memory, stream_); }
  void upload(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "upload");
    synchronize();
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "download");
    synchronize();
  }
  void synchronize() override { check(cudaStreamSynchronize(stream_), "synchronize"); }
  void* stream() override { return stream_; }
  int architecture() override {
    int device = 0, major = 0, minor = 0;
    check(cudaGetDevice(&device), "architecture");
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "architecture");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "architecture");
    return 10 * major + minor;
  }
  void* capture(const std::function<void()>& record) override {
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capture");
    cudaGraph_t graph = nullptr;
    try {
      record();
    } catch (...) {
      cudaStreamEndCapture(stream_, &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(stream_, &graph), "capture");
    cudaGraphExec_t executable = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "capture");
    return executable;
  }
  void replay(void* graph) override {
    check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_), "replay");
  }
  void destroy(void* graph) noexcept override { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace

void check(cudaError_t status, const char* function) {
  if (status == cudaSuccess) return;
  if (!is_sticky(status)) cudaGetLastError();  // the next call starts afresh
  const ErrorKind kind = status == cudaErrorMemoryAllocation ? ErrorKind::memory : ErrorKind::device;
  throw Error(kind, function, "", std::string("CUDA: ") + cudaGetErrorString(status) + advice(status));
}

const char* build_kind() { return "nvidia"; }

void require_device(int index) {
  int count = 0;
  check(cudaGetDeviceCount(&count), "require_device");
  if (index >= count)
    throw Error(ErrorKind::value, "require_device", "device",
                "'cuda:" + std::to_string(index) + "' does not exist: there are " + std::to_string(count) +
                    " devices");
  check(cudaSetDevice(index), "require_device");
  check(cudaFree(nullptr), "require_device");
}

bool uses_host_memory() { return false; }

void emulate(const std::string&, bool) {
  throw Error(ErrorKind::device, "emulate", "order",
              "only the build for tests runs CUDA kernels on the processor");
}

const Launchers& launchers() {
  static const Launchers table = make_launchers();
  return table;
}

Runtime& runtime() {
  static NvidiaRuntime it;
  return it;
}

}  // namespace densor::cuda
