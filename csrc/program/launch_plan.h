// How the batches of an epoch reach a device: pure and printable, the same with and without a GPU.
#pragma once

#include <cstdint>
#include <string>

namespace densor {

struct LaunchPlan {
  std::int64_t batches_per_graph = 1;
  std::int64_t graphs = 0;   // launches of that many batches
  std::int64_t singles = 0;  // batches behind them, one at a time
};

// `steps`: of one batch. `asked`: batches a graph, 0 to leave it to the plan.
LaunchPlan plan_launches(std::int64_t batches, std::int64_t steps, std::int64_t asked = 0);

// A last batch of fewer rows than the others: one of those of the plan, or behind them, where a step of the
// program cannot leave rows out.
struct ShortBatch {
  std::int64_t rows = 0;  // 0: there is none
  bool masked = false;
};

// "117 graphs of 16 batches, then 3 batches, the last of 20 rows", or "..., then 20 rows by a program of
// their own"
std::string to_string(const LaunchPlan& plan, const ShortBatch& last = {});

// What plans of later runs are asked for.
std::int64_t batches_per_graph();
void set_batches_per_graph(std::int64_t batches);

// How a device runs many batches of a program: as graphs of launches, or as phases of one kernel; `automatic`
// takes the kernel where it was measured to be faster.
enum class DeviceSteps { graph, persistent, automatic };
DeviceSteps device_steps();
void set_device_steps(const std::string& name);
const char* device_steps_name(DeviceSteps steps);

}  // namespace densor
