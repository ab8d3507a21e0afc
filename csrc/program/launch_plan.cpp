#include "program/launch_plan.h"

#include <algorithm>
#include <atomic>

#include "core/name.h"

namespace densor {

namespace {

// A launch should last much longer than what the host spends on it, and so long that the pause before the
// next one does not count; more would only delay a cancel.
constexpr std::int64_t kStepsPerGraph = 512;
constexpr std::int64_t kMostBatches = 64;
// To capture a batch takes about as long as to run it a few times.
constexpr std::int64_t kWorthCapturing = 32;

std::atomic<std::int64_t> asked_for{0};

constexpr const char* kNames[] = {"graph", "persistent", "auto"};
std::atomic<DeviceSteps> steps_asked_for{DeviceSteps::automatic};

}  // namespace

LaunchPlan plan_launches(std::int64_t batches, std::int64_t steps, std::int64_t asked) {
  std::int64_t together = 1;
  if (asked > 0) {
    together = std::clamp<std::int64_t>(batches, 1, asked);
  } else {
    while (2 * together <= kMostBatches &&
           2 * together * std::max<std::int64_t>(steps, 1) <= kStepsPerGraph &&
           2 * together * kWorthCapturing <= batches)
      together *= 2;
  }
  return {together, batches / together, batches % together};
}

std::string to_string(const LaunchPlan& plan, const ShortBatch& last) {
  const auto count = [](std::int64_t n, const char* what, const char* ending) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : ending);
  };
  std::string text = count(plan.graphs, "graph", "s") + " of " + count(plan.batches_per_graph, "batch", "es");
  if (plan.singles > 0) text += ", then " + count(plan.singles, "batch", "es");
  if (last.rows == 0) return text;
  const std::string rows = count(last.rows, "row", "s");
  return text + (last.masked ? ", the last of " + rows : ", then " + rows + " by a program of their own");
}

std::int64_t batches_per_graph() { return asked_for.load(std::memory_order_relaxed); }
void set_batches_per_graph(std::int64_t batches) { asked_for.store(batches, std::memory_order_relaxed); }

DeviceSteps device_steps() { return steps_asked_for.load(std::memory_order_relaxed); }
void set_device_steps(const std::string& name) {
  const int index = index_of_name("set_device_steps", "value", name, {kNames[0], kNames[1], kNames[2]});
  steps_asked_for.store(static_cast<DeviceSteps>(index), std::memory_order_relaxed);
}
const char* device_steps_name(DeviceSteps steps) { return kNames[static_cast<int>(steps)]; }

}  // namespace densor
