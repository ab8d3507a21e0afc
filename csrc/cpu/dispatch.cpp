#include "cpu/dispatch.h"

#include <atomic>
#include <cstdlib>

#include "core/error.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

namespace {

std::atomic<const Kernels*> g_active{nullptr};

std::string quoted_names() {
  std::string names;
  for (const std::string& name : available()) names += (names.empty() ? "'" : ", '") + name + "'";
  return names;
}

const Kernels& find(const char* function, const char* argument, const std::string& name) {
  for (int i = 0; i < kTargetCount; ++i)
    if (name == kTargets[i].name && kTargets[i].supported()) return kTargets[i].kernels();
  throw Error(
      ErrorKind::value, function, argument,
      "value '" + name + "' is not a CPU target that this machine runs; use one of " + quoted_names());
}

const Kernels& choose() {
  const char* forced = std::getenv("DENSOR_CPU_TARGET");
  return find("cpu_target", "DENSOR_CPU_TARGET",
              forced != nullptr && *forced != '\0' ? forced : available().front());
}

}  // namespace

std::vector<std::string> available() {
  std::vector<std::string> names;
  for (int i = 0; i < kTargetCount; ++i)
    if (!kTargets[i].model && kTargets[i].supported()) names.emplace_back(kTargets[i].name);
  return names;
}

const Kernels& active() {
  const Kernels* kernels = g_active.load(std::memory_order_acquire);
  if (kernels == nullptr) {
    kernels = &choose();
    g_active.store(kernels, std::memory_order_release);
  }
  return *kernels;
}

void set_active(const std::string& name) {
  g_active.store(&find("set_cpu_target", "name", name), std::memory_order_release);
}

}  // namespace densor::cpu
