// The CUDA side on a GPU: streams, memory and graphs through the CUDA run time.
#include <cuda_runtime.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "cuda/failure.h"
#include "cuda/launch.h"
#include "cuda/nvidia/current_device.h"
#include "cuda/nvidia/pinned.h"
#include "cuda/nvidia/status.h"
#include "cuda/sample.h"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr std::pair<int, int> kStatuses[] = {
    {kOutOfMemory, cudaErrorMemoryAllocation},
    {kInitializationError, cudaErrorInitializationError},
    {kInsufficientDriver, cudaErrorInsufficientDriver},
    {kDevicesUnavailable, cudaErrorDevicesUnavailable},
    {kInvalidDeviceFunction, cudaErrorInvalidDeviceFunction},
    {kNoDevice, cudaErrorNoDevice},
    {kNoKernelImage, cudaErrorNoKernelImageForDevice},
    {kUncorrectable, cudaErrorECCUncorrectable},
    {kUnsupportedPtx, cudaErrorUnsupportedPtxVersion},
    {kIllegalAddress, cudaErrorIllegalAddress},
    {kLaunchTimeout, cudaErrorLaunchTimeout},
    {kAssert, cudaErrorAssert},
    {kHardwareStackError, cudaErrorHardwareStackError},
    {kIllegalInstruction, cudaErrorIllegalInstruction},
    {kMisalignedAddress, cudaErrorMisalignedAddress},
    {kInvalidAddressSpace, cudaErrorInvalidAddressSpace},
    {kInvalidPc, cudaErrorInvalidPc},
    {kLaunchFailure, cudaErrorLaunchFailure},
    {kDriverMismatch, cudaErrorSystemDriverMismatch},
    {kStubLibrary, cudaErrorStubLibrary},
    {kSystemNotReady, cudaErrorSystemNotReady},
    {kNotSupportedByDevice, cudaErrorCompatNotSupportedOnDevice},
    {kFirstOfCapture, cudaErrorStreamCaptureUnsupported},
    {kLastOfCapture, cudaErrorStreamCaptureWrongThread},
};
static_assert(std::all_of(std::begin(kStatuses), std::end(kStatuses),
                          [](auto s) { return s.first == s.second; }));

const pid_t loaded_by = getpid();  // a child has another one

std::string words(cudaError_t status) {
  return std::string("CUDA: ") + cudaGetErrorString(status) + advice(status, getpid() != loaded_by);
}

// `wanted` bytes; below 0: the driver did, for itself.
[[noreturn]] void no_memory(const char* function, std::int64_t wanted) {
  cudaGetLastError();  // the next call starts afresh
  std::size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) {
    cudaGetLastError();
    free = total = 0;
  }
  out_of_memory(function, wanted, free, total);
}

class NvidiaRuntime final : public Runtime {
 public:
  NvidiaRuntime() {
    const OnDevice here;
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    make_pool();
    check(cudaStreamCreateWithFlags(&capturing_, cudaStreamNonBlocking), "stream");
  }

  void* allocate(std::size_t bytes) override {
    const OnDevice here("allocate");
    void* memory = nullptr;
    cudaError_t status = cudaMallocFromPoolAsync(&memory, bytes > 0 ? bytes : 1, pool_, stream_);
    if (status == cudaErrorMemoryAllocation) {  // what the pool keeps may lie in pieces
      cudaGetLastError();
      check(cudaStreamSynchronize(stream_), "allocate");
      check(cudaMemPoolTrimTo(pool_, 0), "allocate");
      status = cudaMallocFromPoolAsync(&memory, bytes > 0 ? bytes : 1, pool_, stream_);
    }
    if (status == cudaErrorMemoryAllocation) no_memory("allocate", static_cast<std::int64_t>(bytes));
    check(status, "allocate");
    return memory;
  }
  void release(void* memory) noexcept override {
    const OnDevice here;
    if (cudaFreeAsync(memory, stream_) != cudaSuccess) cudaGetLastError();  // no launch is to blame for it
  }
  bool wait_for_everyone() noexcept override {
    // Nobody may wait for a device while a stream of it is being captured: both would fail.
    const std::lock_guard<std::recursive_mutex> lock(not_both_);
    const OnDevice here;
    if (cudaDeviceSynchronize() == cudaSuccess) return true;
    cudaGetLastError();
    return false;
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    const OnDevice here("upload");
    if (bytes <= kMostUnawaited) return staging_.upload(to, from, bytes, stream_);
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "upload");
    synchronize();
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    const OnDevice here("download");
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "download");
    synchronize();
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    const OnDevice here("copy");
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copy");
  }
  void synchronize() override {
    const OnDevice here("synchronize");
    check(cudaStreamSynchronize(stream_), "synchronize");
  }
  void* stream() override { return stream_; }
  void wait_for(void* stream) override {
    const OnDevice here("wait_for");
    put_in_order(static_cast<cudaStream_t>(stream), stream_, "wait_for");
  }
  void let_wait(void* stream) override {
    const OnDevice here("let_wait");
    put_in_order(stream_, static_cast<cudaStream_t>(stream), "let_wait");
  }
  bool is_capturing(void* stream) override {
    const OnDevice here("is_capturing");
    cudaStreamCaptureStatus found = cudaStreamCaptureStatusNone;
    const cudaError_t status = cudaStreamIsCapturing(static_cast<cudaStream_t>(stream), &found);
    if (status == cudaErrorStreamCaptureImplicit) {  // of a stream that the legacy one waits for
      cudaGetLastError();
      return true;
    }
    check(status, "is_capturing");
    return found != cudaStreamCaptureStatusNone;
  }
  void enqueue(const std::function<void()>& call) override {
    const OnDevice here("enqueue");
    call();
  }
  int architecture() override {
    const OnDevice here;
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, kDevice), "architecture");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, kDevice), "architecture");
    return 10 * major + minor;
  }
  int device_of(const void* memory) override {
    const OnDevice here("device_of");
    cudaPointerAttributes found;
    check(cudaPointerGetAttributes(&found, memory), "device_of");
    if (found.type == cudaMemoryTypeUnregistered) return -1;
    return found.type == cudaMemoryTypeDevice ? found.device : kDevice;  // all devices reach the other kinds
  }
  std::string name() override {
    const OnDevice here;
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, kDevice), "name");
    return properties.name;
  }
  double microseconds(const std::function<void()>& work) override {
    const OnDevice here("microseconds");
    work();  // what the first run of a kernel loads is not measured
    const double once = milliseconds(work, 1);
    const int repeats = once >= 1 ? 1 : once > 0.05 ? static_cast<int>(1 / once) : 20;
    double least = once;
    for (int run = 0; run < 4; ++run) least = std::min(least, milliseconds(work, repeats) / repeats);
    return 1e3 * least;
  }
  void* ask(const void* from, std::size_t bytes) override {
    const OnDevice here("ask");
    Pinned* report = reports_.take();
    cudaError_t status = cudaMemcpyAsync(report->memory, from, bytes, cudaMemcpyDeviceToHost, stream_);
    if (status == cudaSuccess) status = cudaEventRecord(report->copied, stream_);
    if (status != cudaSuccess) drop(report);
    check(status, "ask");
    return report;
  }
  void answer(void* report, void* to, std::size_t bytes) override {
    const OnDevice here;
    auto* asked = static_cast<Pinned*>(report);
    const cudaError_t status = cudaEventSynchronize(asked->copied);
    if (status == cudaSuccess) std::memcpy(to, asked->memory, bytes);
    reports_.give_back(asked);
    check(status, "answer");
  }
  void drop(void* report) noexcept override {
    const OnDevice here;
    cudaEventSynchronize(static_cast<Pinned*>(report)->copied);  // until then the device may write there
    reports_.give_back(static_cast<Pinned*>(report));
  }
  void* capture(const std::function<void(void*)>& record) override {
    const std::lock_guard<std::recursive_mutex> lock(not_both_);
    const OnDevice here("capture");
    check(cudaStreamBeginCapture(capturing_, cudaStreamCaptureModeThreadLocal), "capture");
    cudaGraph_t graph = nullptr;
    try {
      record(capturing_);
    } catch (...) {
      if (cudaStreamEndCapture(capturing_, &graph) != cudaSuccess)
        cudaGetLastError();  // the first one counts
      if (graph != nullptr) cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(capturing_, &graph), "capture");
    cudaGraphExec_t executable = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "capture");
    return executable;
  }
  void replay(void* graph) override {
    const OnDevice here("replay");
    check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_), "replay");
  }
  void destroy(void* graph) noexcept override {
    const OnDevice here;
    cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph));
  }

 private:
  // A pool of our own: the device's, which others share, gives back at every wait what nobody uses.
  void make_pool() {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = kDevice;
    check(cudaMemPoolCreate(&pool_, &properties), "pool");
    std::uint64_t kept = std::uint64_t{1} << 30;  // bytes
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &kept), "pool");
  }
  // What comes on `later` from now on follows what is on `earlier`.
  static void put_in_order(cudaStream_t earlier, cudaStream_t later, const char* function) {
    cudaEvent_t reached = nullptr;
    check(cudaEventCreateWithFlags(&reached, cudaEventDisableTiming), function);
    cudaError_t status = cudaEventRecord(reached, earlier);
    if (status == cudaSuccess) status = cudaStreamWaitEvent(later, reached, 0);
    cudaEventDestroy(reached);  // once it is reached
    check(status, function);
  }
  // By the device's clock.
  double milliseconds(const std::function<void()>& work, int repeats) const {
    cudaEvent_t begin = nullptr, end = nullptr;
    float spent = 0;
    check(cudaEventCreate(&begin), "milliseconds");
    cudaError_t status = cudaEventCreate(&end);
    if (status == cudaSuccess) status = cudaEventRecord(begin, stream_);
    for (int i = 0; i < repeats && status == cudaSuccess; ++i) work();
    if (status == cudaSuccess) status = cudaEventRecord(end, stream_);
    if (status == cudaSuccess) status = cudaEventSynchronize(end);
    if (status == cudaSuccess) status = cudaEventElapsedTime(&spent, begin, end);
    cudaEventDestroy(begin);
    if (end != nullptr) cudaEventDestroy(end);
    check(status, "milliseconds");
    return static_cast<double>(spent);
  }

  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  cudaStream_t capturing_ = nullptr;  // nothing ever runs there
  std::recursive_mutex not_both_;     // a capture, a wait for the device
  Reports reports_{kMostAsked};
  Staging staging_{kMostUnawaited};
};

}  // namespace

void check(cudaError_t status, const char* function) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) no_memory(function, -1);
  cudaGetLastError();  // the next call starts afresh, unless the context is lost
  if (poisons(status, cudaStreamQuery(nullptr))) {
    context().lose(words(status));
    context().require(function);
  }
  cudaGetLastError();
  throw Error(ErrorKind::device, function, "", words(status));
}

const char* build_kind() { return "nvidia"; }

namespace {

// Asks as long as there is an answer: without a driver there is no device, without a device no code for it.
Found look(int index) {
  Found found;
  found.needed = CUDART_VERSION / 1000 * 1000;  // a driver of the same major version has all that is used
  check(cudaDriverGetVersion(&found.driver), "require_device");
  if (found.driver < found.needed) return found;
  const cudaError_t status = cudaGetDeviceCount(&found.devices);
  if (status == cudaErrorNoDevice) {
    cudaGetLastError();
    found.devices = 0;
    return found;
  }
  check(status, "require_device");
  if (index >= found.devices) return found;
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index), "require_device");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index), "require_device");
  found.architecture = 10 * major + minor;
  const OnDevice here;
  check(cudaFree(nullptr), "require_device");  // makes the context
  cudaFuncAttributes attributes;
  found.code = cudaFuncGetAttributes(&attributes, sample_kernel());
  cudaGetLastError();
  return found;
}

}  // namespace

void require_device(int index) {
  context().require("require_device");
  static std::atomic<int> found_ready = -1;
  if (found_ready == index) return;
  const Found found = look(index);
  const std::string lacking = missing(found);
  if (!lacking.empty())
    throw Error(ErrorKind::device, "require_device", "device", "'cuda' is not available: " + lacking);
  if (index >= found.devices)
    throw Error(ErrorKind::value, "require_device", "device",
                "'cuda:" + std::to_string(index) + "' does not exist: there are " +
                    std::to_string(found.devices) + " devices");
  found_ready = index;
}

bool uses_host_memory() { return false; }
std::vector<Event> emulated_order() { return {}; }
Traffic emulated_traffic() { return {}; }

void emulate(const Emulation&) {
  throw Error(ErrorKind::device, "emulate", "order",
              "only the build for tests runs CUDA kernels on the processor");
}

const Launchers& launchers() {
  static const Launchers table = make_launchers();
  return table;
}

Runtime& runtime() {
  static auto* it = new NvidiaRuntime;  // arrays may outlive everything else
  return *it;
}

}  // namespace densor::cuda
