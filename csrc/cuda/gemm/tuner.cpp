#include "cuda/gemm/tuner.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <utility>

#include "core/error.h"

namespace densor::cuda {

namespace {

constexpr std::size_t kMostMeasured = 8;
constexpr double kHopeless = 5;  // times the least estimate

std::string key_of(const GemmProblem& p, const std::string& setting) {
  std::ostringstream key;
  key << p.m << ' ' << p.n << ' ' << p.k << ' ' << (p.transpose_a ? 't' : 'n') << (p.transpose_b ? 't' : 'n')
      << ' ' << setting;
  return key.str();
}

// What tells plans of one problem apart.
std::string mark_of(const GemmPlan& plan) {
  const bool tiled = plan.kernel == GemmKernel::wgmma;
  std::ostringstream mark;
  mark << kGemmKernelNames[static_cast<int>(plan.kernel)] << ' ' << plan.products << ' '
       << (tiled ? plan.tiling.cols : 0) << ' ' << (tiled ? plan.tiling.parts : 0) << ' ';
  return mark.str();
}

bool is_record(const std::string& text) {
  std::istringstream words(text);
  std::string kernel, rest;
  int products = 0, cols = 0, parts = 0;
  double microseconds = 0;
  return (words >> kernel >> products >> cols >> parts >> microseconds) && !(words >> rest);
}

// The likely ones.
std::vector<GemmPlan> worth_measuring(std::vector<GemmPlan> plans, int architecture) {
  const auto estimate = [&](const GemmPlan& plan) { return estimated_microseconds(plan, architecture); };
  std::stable_sort(plans.begin(), plans.end(),
                   [&](const GemmPlan& a, const GemmPlan& b) { return estimate(a) < estimate(b); });
  const double most = kHopeless * estimate(plans.front());
  while (plans.size() > kMostMeasured || estimate(plans.back()) > most) plans.pop_back();
  return plans;
}

}  // namespace

GemmTuner::GemmTuner(std::string path, std::string device, Warn warn)
    : known_(std::move(path), std::move(device), "plans of matrix products", is_record, std::move(warn)) {}

const GemmPlan* GemmTuner::find(const std::string& key, const std::vector<GemmPlan>& candidates) const {
  const std::string* record = known_.find(key);
  if (record == nullptr) return nullptr;
  for (const GemmPlan& plan : candidates)
    if (record->rfind(mark_of(plan), 0) == 0) return &plan;
  return nullptr;
}

std::optional<GemmPlan> GemmTuner::known(const std::vector<GemmPlan>& candidates,
                                         const std::string& setting) const {
  const GemmPlan* plan = find(key_of(candidates.front().problem, setting), candidates);
  return plan != nullptr ? std::optional(*plan) : std::nullopt;
}

GemmPlan GemmTuner::choose(const std::vector<GemmPlan>& candidates, const std::string& setting,
                           int architecture, const GemmTimer& timer) {
  const std::string key = key_of(candidates.front().problem, setting);
  if (const GemmPlan* known = find(key, candidates)) return *known;
  const std::vector<GemmPlan> likely = worth_measuring(candidates, architecture);
  std::optional<GemmPlan> best;
  double least = 0;
  for (const GemmPlan& plan : likely) {
    try {
      const double spent = timer(plan);
      if (std::isfinite(spent) && (!best || spent < least)) best = plan, least = spent;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_memory) throw;
    }
  }
  if (!best) return likely.front();  // no room to measure now; perhaps another time
  // Another process may have been faster.
  known_.refresh();
  if (const GemmPlan* known = find(key, candidates)) return *known;
  std::ostringstream record;
  record << mark_of(*best) << least;
  known_.add(key, record.str());
  return *best;
}

}  // namespace densor::cuda
