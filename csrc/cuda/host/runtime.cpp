// The CUDA side on the processor: device memory is host memory, a graph is the list of its launches.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/name.h"
#include "cuda/failure.h"
#include "cuda/host/grid.h"
#include "cuda/host/notes.h"
#include "cuda/launch.h"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

bool emulated = false;
int architecture_of_device = 80;
std::uintptr_t elsewhere = 0, capturing = 0;
double per_launch = 0, per_meeting = 0;
// Ours, as streams are named; nothing lies there.
constexpr std::uintptr_t kStream = 1 << 20;

using Graph = std::vector<host::Body>;

// Memory that says how much of it there is.
class HostMemory {
 public:
  void limit(std::size_t bytes) { total_ = bytes; }
  void* allocate(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (bytes > total_ - std::min(total_, used_))
      out_of_memory("allocate", static_cast<std::int64_t>(bytes), total_ - std::min(total_, used_), total_);
    // Poisoned: what is read before it is written shows.
    void* memory = std::memset(::operator new(bytes, kAlignment), 0xFF, bytes);
    sizes_[memory] = bytes;
    used_ += bytes;
    return memory;
  }
  void release(void* memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sizes_.find(memory);
    used_ -= found->second;
    sizes_.erase(found);
    ::operator delete(memory, kAlignment);
  }

 private:
  static constexpr std::align_val_t kAlignment{256};
  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> sizes_;
  std::size_t used_ = 0, total_ = SIZE_MAX;
};

HostMemory& memory_of_device() {
  static auto* it = new HostMemory;  // arrays may outlive everything else
  return *it;
}

Traffic traffic;

class HostRuntime final : public Runtime {
 public:
  void* allocate(std::size_t bytes) override {
    context().require("allocate");
    return memory_of_device().allocate(bytes);
  }
  void release(void* memory) noexcept override { memory_of_device().release(memory); }
  void upload(void* to, const void* from, std::size_t bytes) override {
    context().require("upload");
    ++traffic.uploads;
    traffic.uploaded_bytes += static_cast<std::int64_t>(bytes);
    std::memcpy(to, from, bytes);
    if (bytes > kMostUnawaited) host::note(Event::Kind::host);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    context().require("download");
    ++traffic.downloads;
    host::note(Event::Kind::host);
    std::memcpy(to, from, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    context().require("copy");
    std::memcpy(to, from, bytes);
  }
  void synchronize() override {
    context().require("synchronize");
    host::note(Event::Kind::host);
  }
  void* stream() override { return reinterpret_cast<void*>(kStream); }
  bool wait_for_everyone() noexcept override {
    host::note(Event::Kind::everyone);
    return true;
  }
  void wait_for(void* stream) override {
    host::note(Event::Kind::follow, reinterpret_cast<std::uintptr_t>(stream));
  }
  void let_wait(void* stream) override {
    host::note(Event::Kind::let_wait, reinterpret_cast<std::uintptr_t>(stream));
  }
  bool is_capturing(void* stream) override { return reinterpret_cast<std::uintptr_t>(stream) == capturing; }
  void enqueue(const std::function<void()>& call) override { host::enqueue(call); }
  int architecture() override { return architecture_of_device; }
  std::string name() override { return "emulated device"; }
  int device_of(const void* memory) override {
    return reinterpret_cast<std::uintptr_t>(memory) == elsewhere ? 1 : 0;
  }
  double microseconds(const std::function<void()>& work) override {
    context().require("microseconds");
    const host::Work before = host::work_done();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const host::Work after = host::work_done();
    if (per_launch > 0 || per_meeting > 0)
      return per_launch * static_cast<double>(after.launches - before.launches) +
             per_meeting * static_cast<double>(after.meetings - before.meetings);
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  }
  void* ask(const void* from, std::size_t bytes) override {
    context().require("ask");
    ++traffic.reports;
    return new std::vector<char>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
  }
  void answer(void* report, void* to, std::size_t bytes) override {
    context().require("answer");
    host::note(Event::Kind::host);
    std::memcpy(to, static_cast<std::vector<char>*>(report)->data(), bytes);
    drop(report);
  }
  void drop(void* report) noexcept override { delete static_cast<std::vector<char>*>(report); }
  void* capture(const std::function<void(void*)>& record) override {
    context().require("capture");
    ++traffic.captures;
    host::begin_capture();
    try {
      record(stream());
    } catch (...) {
      host::end_capture();
      throw;
    }
    return std::make_unique<Graph>(host::end_capture()).release();
  }
  void replay(void* graph) override {
    context().require("replay");
    ++traffic.replays;
    for (const host::Body& launch : *static_cast<Graph*>(graph)) launch();
  }
  void destroy(void* graph) noexcept override { delete static_cast<Graph*>(graph); }
};

}  // namespace

const char* build_kind() { return "host"; }

void require_device(int) { context().require("require_device"); }

bool uses_host_memory() { return emulated; }

void emulate(const Emulation& emulation) {
  const int index = index_of_name("emulate", "order", emulation.order, {"off", "ascending", "descending"});
  emulated = index > 0 && emulation.host_memory;
  host::set_order(index == 2 ? host::Order::descending : host::Order::ascending);
  architecture_of_device = emulation.architecture;
  elsewhere = static_cast<std::uintptr_t>(emulation.elsewhere);
  capturing = static_cast<std::uintptr_t>(emulation.capturing);
  per_launch = emulation.per_launch;
  per_meeting = emulation.per_meeting;
  host::set_fault(emulation.launches);
  memory_of_device().limit(static_cast<std::size_t>(emulation.memory));
  context().restore();
}

std::vector<Event> emulated_order() { return host::take_notes(); }

Traffic emulated_traffic() {
  traffic.kernels = host::count_launches();
  return std::exchange(traffic, {});
}

const Launchers& launchers() {
  static const Launchers table = make_launchers();
  return table;
}

Runtime& runtime() {
  static HostRuntime it;
  return it;
}

}  // namespace densor::cuda
