#include "cuda/gemm/tuner.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
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
    : path_(std::move(path)), device_(std::move(device)), warn_(std::move(warn)), known_(read()) {}

GemmTuner::Records GemmTuner::read() const {
  Records found;
  std::ifstream file(path_);
  std::string line;
  if (path_.empty() || !file) return found;
  bool sound = std::getline(file, line) && line == device_;
  while (sound && std::getline(file, line)) {
    const std::size_t cut = line.find(" = ");
    sound = cut != std::string::npos && is_record(line.substr(cut + 3));
    if (sound) found[line.substr(0, cut)] = line.substr(cut + 3);
  }
  if (sound) return found;
  warn_("the measured plans of matrix products in " + path_ +
        " are left out: this is no such file, or of another GPU or version; they are measured again");
  return {};
}

void GemmTuner::write() const {
  if (path_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), failed);
  const std::string draft = path_ + "." + std::to_string(getpid());
  {
    std::ofstream file(draft, std::ios::trunc);
    file << device_ << '\n';
    for (const auto& [key, record] : known_) file << key << " = " << record << '\n';
    file.close();
    if (file && std::rename(draft.c_str(), path_.c_str()) == 0) return;
  }
  std::filesystem::remove(draft, failed);
  warn_(
      "the measured plans of matrix products cannot be kept in " + path_ +
      ": each process measures them again and may choose others; set XDG_CACHE_HOME to a folder that can be "
      "written, or call config.set_autotune(False)");
}

const GemmPlan* GemmTuner::find(const std::string& key, const std::vector<GemmPlan>& candidates) const {
  const auto record = known_.find(key);
  if (record == known_.end()) return nullptr;
  for (const GemmPlan& plan : candidates)
    if (record->second.rfind(mark_of(plan), 0) == 0) return &plan;
  return nullptr;
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
      if (!best || spent < least) best = plan, least = spent;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_memory) throw;
    }
  }
  if (!best) return likely.front();  // no room to measure now; perhaps another time
  // Another process may have been faster.
  for (auto& [other, record] : read()) known_[other] = record;
  if (const GemmPlan* known = find(key, candidates)) return *known;
  std::ostringstream record;
  record << mark_of(*best) << least;
  known_[key] = record.str();
  write();
  return *best;
}

}  // namespace densor::cuda
