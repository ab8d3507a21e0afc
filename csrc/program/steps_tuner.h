// Which way of running a program's batches on a device is faster, graphs of launches or phases of one kernel:
// measured at the first run that is long enough, then known, in memory and on disk. The two differ in the
// last bits of sums, so what the measurement has changed is put back, and the answer stays.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cuda/records.h"
#include "program/launch_plan.h"

namespace densor {

// Microseconds of a batch.
struct StepTimes {
  double graph, persistent;
};
using StepTimer = std::function<StepTimes()>;  // throws Error(device_memory) where there is no room for it

// Fewer batches would not be worth it: graphs run them.
inline constexpr std::int64_t kBatchesToMeasure = 32;

class StepsTuner {
 public:
  // `path`, `device`: file and owner of its records.
  StepsTuner(std::string path, std::string device, cuda::Warn warn);

  // graph or persistent, the way that is faster by what is known of `key`, or else by `timer`; graph where
  // nothing can be measured. `why`: the reason in words.
  DeviceSteps choose(const std::string& key, std::int64_t batches, const StepTimer& timer, std::string& why);

 private:
  cuda::Records known_;
};

// The same with the records of the device in use, where plans are measured (cuda::autotune), and noted down.
DeviceSteps tuned_steps(const std::string& key, std::int64_t batches, const StepTimer& timer);
// What was chosen last for each program of this process, a line each.
std::string chosen_steps();

}  // namespace densor
