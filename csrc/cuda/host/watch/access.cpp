// Every access of the kernels' own code comes here: the compiler calls these functions instead of those of
// ThreadSanitizer's run time, which is not linked (-fsanitize=thread).
#include <dlfcn.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "cuda/host/watch/shadow.h"

namespace densor::cuda::host::watch {

namespace {

struct Race {
  Access before, access;
};

struct State {
  const Clocks* clocks = nullptr;  // of the block that runs
  std::uint32_t block = 0, epoch = 0;
  int thread = 0, aside = 0;
  std::uintptr_t stack_begin = 0, stack_end = 0;
  Shadow shadow;
  // The first ones of the launch.
  std::optional<Race> race;
  std::string fault;
};

State& state() {
  thread_local State it;
  return it;
}

// The file that this code was loaded from, and where.
const Dl_info& module() {
  static const Dl_info it = [] {
    Dl_info found{};
    dladdr(reinterpret_cast<const void*>(&order_all), &found);
    return found;
  }();
  return it;
}

std::uint32_t place_in_module(const void* code) {
  return static_cast<std::uint32_t>(static_cast<const char*>(code) -
                                    static_cast<const char*>(module().dli_fbase));
}

void note(State& w, const void* at, std::size_t bytes, const Access& access, const Clocks::Times* known) {
  Access before{};
  if (!w.shadow.note(reinterpret_cast<std::uintptr_t>(at), bytes, access, known, before)) return;
  if (!w.race) w.race = Race{before, access};
}

void access(const void* at, std::size_t bytes, bool writes, bool atomic, const void* code) {
  State& w = state();
  if (w.clocks == nullptr || w.aside > 0) return;
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  if (address >= w.stack_begin && address < w.stack_end) return;
  const Access it{w.epoch,
                  w.block,
                  w.clocks->time(w.thread),
                  place_in_module(code),
                  static_cast<std::uint16_t>(w.thread),
                  0,
                  writes,
                  atomic};
  note(w, at, bytes, it, w.clocks->known(w.thread));
}

// The lines of the sources that the code was made from, innermost first.
std::string lines_of(std::uint32_t code) {
  char command[1024];
  std::snprintf(command, sizeof command, "addr2line -ie '%s' 0x%x 2>&1", module().dli_fname, code - 1);
  std::FILE* pipe = popen(command, "r");
  std::string lines;
  char read[1024];
  while (pipe != nullptr && std::fgets(read, sizeof read, pipe) != nullptr) {
    const std::string line = read;
    if (line.find("/c++/") != std::string::npos) continue;  // how the launch came there
    const std::size_t begin = line.rfind('/') + 1;
    lines += (lines.empty() ? "" : " < ") + line.substr(begin, line.find_first_of(" \n", begin) - begin);
  }
  if (pipe != nullptr) pclose(pipe);
  return lines;
}

std::string told(const Access& it) {
  return "thread " + std::to_string(it.thread) + " of block " + std::to_string(it.block) +
         (it.writes ? " writes (" : " reads (") + lines_of(it.code) + ")";
}

}  // namespace

void order_all() {
  State& w = state();
  ++w.epoch;
  w.shadow.shrink();
}

void report() {
  State& w = state();
  const std::optional<Race> race = std::exchange(w.race, {});
  std::string fault = std::exchange(w.fault, {});
  if (race)
    fault = "two threads race, nothing orders what they do: " + told(race->before) + ", " +
            told(race->access) + " the same bytes";
  if (!fault.empty()) throw Error(ErrorKind::runtime, "launch", "", fault);
}

void note_fault(const std::string& fault) {
  State& w = state();
  if (w.clocks != nullptr && w.fault.empty()) w.fault = fault;
}

void enter(const Clocks& clocks, std::uint32_t block, int thread, std::span<const std::byte> stack) {
  State& w = state();
  w.clocks = &clocks;
  w.block = block;
  w.thread = thread;
  w.stack_begin = reinterpret_cast<std::uintptr_t>(stack.data());
  w.stack_end = w.stack_begin + stack.size();
}

void leave() { state().clocks = nullptr; }

void forget(const void* memory, std::size_t bytes) {
  state().shadow.forget(reinterpret_cast<std::uintptr_t>(memory), bytes);
}

void copied(void* to, const void* from, std::size_t bytes, const Clocks::Moment& moment) {
  State& w = state();
  Access it{w.epoch,
            w.block,
            (*moment.known)[static_cast<std::size_t>(moment.thread)],
            place_in_module(__builtin_return_address(0)),
            static_cast<std::uint16_t>(moment.thread),
            0,
            false,
            false};
  note(w, from, bytes, it, moment.known.get());
  it.writes = true;
  note(w, to, bytes, it, moment.known.get());
}

void change_atomically(void* at, std::size_t bytes) {
  access(at, bytes, true, true, __builtin_return_address(0));
}

Aside::Aside() { ++state().aside; }
Aside::~Aside() { --state().aside; }

}  // namespace densor::cuda::host::watch

// The names that the compiler calls, by size and kind of access.
#define DENSOR_TOUCHES(name, bytes, writes)                                                   \
  void __tsan_##name(void* at) {                                                              \
    densor::cuda::host::watch::access(at, bytes, writes, false, __builtin_return_address(0)); \
  }
#define DENSOR_TOUCHES_BOTH(bytes)          \
  DENSOR_TOUCHES(read##bytes, bytes, false) \
  DENSOR_TOUCHES(write##bytes, bytes, true)
#define DENSOR_TOUCHES_ANYWHERE(bytes)                \
  DENSOR_TOUCHES(unaligned_read##bytes, bytes, false) \
  DENSOR_TOUCHES(unaligned_write##bytes, bytes, true)

extern "C" {
DENSOR_TOUCHES_BOTH(1)
DENSOR_TOUCHES_BOTH(2)
DENSOR_TOUCHES_BOTH(4)
DENSOR_TOUCHES_BOTH(8)
DENSOR_TOUCHES_BOTH(16)
DENSOR_TOUCHES_ANYWHERE(2)
DENSOR_TOUCHES_ANYWHERE(4)
DENSOR_TOUCHES_ANYWHERE(8)
DENSOR_TOUCHES_ANYWHERE(16)
void __tsan_read_range(void* at, std::size_t bytes) {
  densor::cuda::host::watch::access(at, bytes, false, false, __builtin_return_address(0));
}
void __tsan_write_range(void* at, std::size_t bytes) {
  densor::cuda::host::watch::access(at, bytes, true, false, __builtin_return_address(0));
}
// Of shared pointers, the shim's.
int __tsan_atomic32_fetch_add(volatile int* at, int value, int) {
  return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
}
