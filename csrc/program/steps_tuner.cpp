#include "program/steps_tuner.h"

#include <cstdio>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "core/error.h"
#include "cuda/gemm/autotune.h"

namespace densor {

namespace {

bool read_times(const std::string& record, StepTimes& times) {
  std::istringstream words(record);
  std::string rest;
  return (words >> times.graph >> times.persistent) && !(words >> rest);
}

bool is_record(const std::string& record) {
  StepTimes times{};
  return read_times(record, times);
}

std::string text_of(const StepTimes& times) {
  char text[80];
  std::snprintf(text, sizeof text, "%.1f us a batch as graphs, %.1f in one kernel", times.graph,
                times.persistent);
  return text;
}

DeviceSteps faster(const StepTimes& times) {
  return times.persistent < times.graph ? DeviceSteps::persistent : DeviceSteps::graph;
}

std::mutex g_choosing;
std::map<std::string, std::string> g_chosen;  // by key

}  // namespace

StepsTuner::StepsTuner(std::string path, std::string device, cuda::Warn warn)
    : known_(std::move(path), std::move(device), "times of whole steps", is_record, std::move(warn)) {}

DeviceSteps StepsTuner::choose(const std::string& key, std::int64_t batches, const StepTimer& timer,
                               std::string& why) {
  StepTimes times{};
  const std::string* record = known_.find(key);
  if (record == nullptr) {
    if (batches < kBatchesToMeasure) {
      why = "fewer than " + std::to_string(kBatchesToMeasure) + " batches to measure";
      return DeviceSteps::graph;
    }
    try {
      times = timer();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_memory) throw;
      why = "no memory to measure";
      return DeviceSteps::graph;
    }
    known_.refresh();  // another process may have been faster
    record = known_.find(key);
    if (record == nullptr) {
      std::ostringstream made;
      made << times.graph << ' ' << times.persistent;
      known_.add(key, made.str());
      record = known_.find(key);
    }
  }
  read_times(*record, times);
  why = "measured, " + text_of(times);
  return faster(times);
}

DeviceSteps tuned_steps(const std::string& key, std::int64_t batches, const StepTimer& timer) {
  std::vector<std::string> warnings;
  DeviceSteps chosen = DeviceSteps::graph;
  {
    const std::lock_guard<std::mutex> lock(g_choosing);
    static std::vector<std::string> heard;
    static std::map<std::string, StepsTuner> tuners;  // by path
    std::string why = "nothing is measured";
    if (cuda::autotune()) {
      const std::string device = cuda::tuned_device();
      const std::string path = cuda::record_path(device + " steps");
      StepsTuner& tuner = tuners
                              .try_emplace(path, path, "densor steps: " + device,
                                           [](const std::string& text) { heard.push_back(text); })
                              .first->second;
      chosen = tuner.choose(key, batches, timer, why);
    }
    g_chosen[key] = std::string(device_steps_name(chosen)) + " (" + why + ")";
    warnings.swap(heard);
  }
  for (const std::string& warning : warnings) cuda::warn_of_tuner(warning);  // runs Python: the lock is free
  return chosen;
}

std::string chosen_steps() {
  const std::lock_guard<std::mutex> lock(g_choosing);
  std::string text;
  for (const auto& [key, choice] : g_chosen) text += key + ": " + choice + "\n";
  return text;
}

}  // namespace densor
