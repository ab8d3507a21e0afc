#include "cuda/gemm/autotune.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>

#include "cuda/gemm/multiply.h"
#include "cuda/launch.h"
#include "cuda/memory.h"

namespace densor::cuda {

namespace {

enum class Setting { unset, off, on };

std::atomic<Setting> g_setting{Setting::unset};
std::mutex g_measuring;
Warn g_warn = [](const std::string&) {};

// Random numbers in device memory: zeros would be multiplied faster.
std::unique_ptr<Memory> random_floats(std::int64_t n) {
  constexpr std::int64_t kPiece = 1 << 18;
  static const std::vector<float> piece = [] {
    std::vector<float> values(kPiece);
    std::uint32_t state = 1;
    for (float& x : values) {
      state = state * 1664525u + 1013904223u;
      x = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
    }
    return values;
  }();
  auto memory = std::make_unique<Memory>(sizeof(float) * static_cast<std::size_t>(n));
  for (std::int64_t at = 0; at < n; at += kPiece)
    runtime().upload(memory->as<float>() + at, piece.data(),
                     sizeof(float) * static_cast<std::size_t>(std::min(kPiece, n - at)));
  return memory;
}

// One problem on memory of its own.
class Bench {
 public:
  explicit Bench(const GemmProblem& p)
      : a_(random_floats(p.m * p.k)),
        b_(random_floats(p.k * p.n)),
        c_(sizeof(float) * static_cast<std::size_t>(p.m * p.n)) {}

  double microseconds(const GemmPlan& plan) const {
    const Memory scratch(sizeof(float) * static_cast<std::size_t>(plan.scratch()));
    Queue queue;
    queue.stream = runtime().stream();
    queue.scratch = scratch.as<float>();
    const GemmOperands operands{c_.as<float>(), a_->as<float>(), b_->as<float>()};
    return runtime().microseconds([&] { multiply(queue, plan, operands, {}); });
  }

 private:
  std::unique_ptr<Memory> a_, b_;
  Memory c_;
};

}  // namespace

void set_autotune(bool yes) { g_setting = yes ? Setting::on : Setting::off; }

bool autotune() {
  if (g_setting != Setting::unset) return g_setting == Setting::on;
  const char* text = std::getenv("DENSOR_AUTOTUNE");
  return std::string(build_kind()) == "nvidia" && (text == nullptr || std::string(text) != "0");
}

void set_tuner_warning(Warn warn) { g_warn = std::move(warn); }
void warn_of_tuner(const std::string& text) { g_warn(text); }

std::string tuned_device() {
  return runtime().name() + " sm_" + std::to_string(runtime().architecture()) + " densor " DENSOR_VERSION;
}

namespace {

// By whoever holds g_measuring. What there is to warn of goes to `warnings`.
GemmPlan measured(const std::vector<GemmPlan>& candidates, const std::string& setting,
                  std::vector<std::string>& warnings) {
  static std::vector<std::string> heard;
  static std::map<std::string, GemmTuner> tuners;  // by what the file's first line says
  const int architecture = runtime().architecture();
  const std::string device = tuned_device();
  const std::string path = record_path(device);
  GemmTuner& tuner = tuners
                         .try_emplace(path, path, "densor matrix products: " + device,
                                      [](const std::string& text) { heard.push_back(text); })
                         .first->second;
  std::unique_ptr<Bench> bench;
  const GemmPlan chosen = tuner.choose(candidates, setting, architecture, [&](const GemmPlan& plan) {
    if (bench == nullptr) bench = std::make_unique<Bench>(plan.problem);
    return bench->microseconds(plan);
  });
  warnings.swap(heard);
  return chosen;
}

}  // namespace

GemmPlan tuned_gemm(const std::vector<GemmPlan>& candidates, const std::string& setting) {
  std::vector<std::string> warnings;
  const GemmPlan chosen = [&] {
    const std::lock_guard<std::mutex> lock(g_measuring);
    return measured(candidates, setting, warnings);
  }();
  // A warning runs Python, which may let another thread go on that comes here: the lock is free by now.
  for (const std::string& warning : warnings) g_warn(warning);
  return chosen;
}

}  // namespace densor::cuda
