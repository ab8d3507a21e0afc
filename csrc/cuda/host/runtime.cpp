// The CUDA side on the processor: device memory is host memory, a graph is the list of its launches.
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "core/error.h"
#include "core/name.h"
#include "cuda/host/grid.h"
#include "cuda/launch.h"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

bool emulated = false;

using Graph = std::vector<host::Body>;

class HostRuntime final : public Runtime {
 public:
  // Poisoned: what is read before it is written shows.
  void* allocate(std::size_t bytes) override {
    return std::memset(::operator new(bytes, std::align_val_t{256}), 0xFF, bytes);
  }
  void release(void* memory) noexcept override { ::operator delete(memory, std::align_val_t{256}); }
  void upload(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void synchronize() override {}
  void* stream() override { return nullptr; }
  int architecture() override { return 80; }
  void* capture(const std::function<void()>& record) override {
    host::begin_capture();
    try {
      record();
    } catch (...) {
      host::end_capture();
      throw;
    }
    return std::make_unique<Graph>(host::end_capture()).release();
  }
  void replay(void* graph) override {
    for (const host::Body& launch : *static_cast<Graph*>(graph)) launch();
  }
  void destroy(void* graph) noexcept override { delete static_cast<Graph*>(graph); }
};

}  // namespace

const char* build_kind() { return "host"; }

void require_device(int) {}

bool uses_host_memory() { return emulated; }

void emulate(const std::string& order, bool host_memory) {
  const int index = index_of_name("emulate", "order", order, {"off", "ascending", "descending"});
  emulated = index > 0 && host_memory;
  host::set_order(index == 2 ? host::Order::descending : host::Order::ascending);
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
