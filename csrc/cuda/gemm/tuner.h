// The fastest of several plans: measured at the first use of a shape, then known, in memory and on disk.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cuda/gemm/plan.h"
#include "cuda/records.h"

namespace densor::cuda {

// Microseconds of a plan, infinity where nobody computes it that way; throws Error(device_memory) where there
// is no room for it.
using GemmTimer = std::function<double(const GemmPlan&)>;

class GemmTuner {
 public:
  // `path`, `device`: file and owner of its records.
  GemmTuner(std::string path, std::string device, Warn warn);

  // `setting` is what the candidates depend on beside the problem; all are for the same problem.
  GemmPlan choose(const std::vector<GemmPlan>& candidates, const std::string& setting, int architecture,
                  const GemmTimer& timer);
  // The one of them that is on record.
  std::optional<GemmPlan> known(const std::vector<GemmPlan>& candidates, const std::string& setting) const;

 private:
  const GemmPlan* find(const std::string& key, const std::vector<GemmPlan>& candidates) const;

  Records known_;
};

}  // namespace densor::cuda
