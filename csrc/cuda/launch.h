// The CUDA side as the rest of the engine sees it, in plain C++: launchers of kernels, and the run time under
// them. Three builds provide it: absent.cpp where there is no CUDA, nvidia/ on a GPU, host/ on the processor,
// for tests.
//
// A launcher puts its kernels on the queue and returns. Arrays are in device memory, outputs come first; what
// changes from batch to batch is read from `queue.batch` by the kernels themselves, so that a captured
// sequence of launches serves every batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/queue.h"
#include "cuda/event.h"
#include "cuda/launchers.h"

namespace densor::cuda {

// Which of them this is: "absent", "nvidia" or "host".
const char* build_kind();
// Throws Error(device) saying what is missing unless device `index` can run our kernels.
void require_device(int index);
// Whether arrays in host memory are taken for device memory: the build for tests, once told to.
bool uses_host_memory();
// A device to test on, whose kernels run on the processor: the threads of a block in "ascending" or
// "descending" order; "off" ends it.
struct Emulation {
  std::string order;
  bool host_memory = true;          // whether arrays in host memory count as device memory
  std::int64_t memory = INT64_MAX;  // bytes it has
  int architecture = 80;            // which plans take it for
  std::int64_t launches = -1;       // until an illegal address poisons its context; -1: never
  std::int64_t elsewhere = 0;       // an address that counts as memory of a second device
  std::int64_t capturing = 0;       // a stream that counts as being captured in a graph
  // What a launch, and a meeting of the blocks of a kernel, take by its clock, in microseconds; 0 for both:
  // what they take on the processor.
  double per_launch = 0, per_meeting = 0;
};
// Throws Error(device) in other builds. Each emulation has a context of its own.
void emulate(const Emulation& emulation);
// What the emulated device and the host did, in order: the last thousand of it, since the last call.
std::vector<Event> emulated_order();
// What the emulated device was asked to do, since the last call.
struct Traffic {
  std::int64_t uploads = 0, uploaded_bytes = 0;
  std::int64_t downloads = 0, reports = 0;  // that the host waited for, and that it did not wait for at once
  std::int64_t captures = 0, replays = 0;   // of graphs
  std::int64_t kernels = 0;
};
Traffic emulated_traffic();

const Launchers& launchers();

// Streams, memory and graphs of the device in use. Every call throws Error(device) where the device fails.
class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  // `from` may be reused at once. Waits for it where it is more than kMostUnawaited bytes.
  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;
  static constexpr std::size_t kMostUnawaited = std::size_t{64} << 10;
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;  // waits for it
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;      // within device memory
  virtual void synchronize() = 0;
  virtual void* stream() = 0;
  // What comes on our stream from now on follows what is on this one, another library's.
  virtual void wait_for(void* stream) = 0;
  // The other way: what comes on that one from now on follows what is on ours.
  virtual void let_wait(void* stream) = 0;
  // Whether what is put on this stream is noted down in a graph of somebody else instead of being done.
  virtual bool is_capturing(void* stream) = 0;
  // Until all streams of the device, other libraries' too, have done what they have so far. False: CUDA does
  // not let anybody wait, as while another library captures a graph.
  virtual bool wait_for_everyone() noexcept = 0;
  // A call of a library that puts its kernels on our stream itself.
  virtual void enqueue(const std::function<void()>& call) = 0;
  virtual int architecture() = 0;  // 75, 80, 90 and so on
  virtual std::string name() = 0;  // of the model: "NVIDIA H200"
  // The device in whose memory this lies, ours where all of them reach it; -1: no device's.
  virtual int device_of(const void* memory) = 0;
  // What `work`, kernels on our stream, takes: the least of several runs. Not while a graph is being
  // captured.
  virtual double microseconds(const std::function<void()>& work) = 0;
  // A copy of a few bytes of device memory as they are once the work now on our stream is done, for which
  // nobody waits before `answer`. Every report is answered or dropped.
  virtual void* ask(const void* from, std::size_t bytes) = 0;
  virtual void answer(void* report, void* to, std::size_t bytes) = 0;
  virtual void drop(void* report) noexcept = 0;
  static constexpr std::size_t kMostAsked = 256;  // bytes
  // What `record` puts on the stream that it is given, to be run by `replay` on ours any number of times. It
  // is a stream of its own: what other threads do to ours meanwhile, such as giving memory back, is no part
  // of it.
  virtual void* capture(const std::function<void(void* stream)>& record) = 0;
  virtual void replay(void* graph) = 0;
  virtual void destroy(void* graph) noexcept = 0;
};

Runtime& runtime();

}  // namespace densor::cuda
