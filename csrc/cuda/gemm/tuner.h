// The fastest of several plans: measured at the first use of a shape, then known, in memory and on disk.
//
// A file is for one GPU model, architecture and version of densor. It says so in its first line; each other
// one is a shape and its plan: "4096 1024 1024 nt highest own = wgmma 6 128 1 53.2". What is in the file is
// not measured again, so a machine computes the same bits from run to run; of two processes that measure the
// same shape, both take the plan of the one that has written first.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cuda/gemm/plan.h"

namespace densor::cuda {

using Warn = std::function<void(const std::string&)>;
// Microseconds of a plan; throws Error(device_memory) where there is no room for it.
using GemmTimer = std::function<double(const GemmPlan&)>;

class GemmTuner {
 public:
  // Reads the file at `path` if there is one; "": memory only. A file that is not what `device` (the first
  // line) asks for is left out with a warning, and overwritten by the first measurement.
  GemmTuner(std::string path, std::string device, Warn warn);

  // `setting` is what the candidates depend on beside the problem; all are for the same problem.
  GemmPlan choose(const std::vector<GemmPlan>& candidates, const std::string& setting, int architecture,
                  const GemmTimer& timer);

 private:
  using Record = std::string;  // "wgmma 6 128 1 53.2"
  using Records = std::map<std::string, Record>;

  Records read() const;
  void write() const;
  const GemmPlan* find(const std::string& key, const std::vector<GemmPlan>& candidates) const;

  std::string path_, device_;
  Warn warn_;
  Records known_;
};

}  // namespace densor::cuda
