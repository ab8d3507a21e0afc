#include "cuda/gemm/autotune.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/interpreter.h"
#include "cuda/failure.h"
#include "cuda/gemm/cublaslt.h"
#include "cuda/gemm/multiply.h"
#include "cuda/launch.h"
#include "cuda/memory.h"

namespace densor::cuda {

namespace {

enum class Setting { unset, off, on };

std::atomic<Setting> g_setting{Setting::unset};
std::mutex g_measuring;
Warn g_warn = [](const std::string&) {};

// Random numbers in device memory: zeros would be multiplied faster. Halves are bfloat16.
class Random {
 public:
  Random(std::int64_t n, bool halves) : memory_(bytes(n, halves)) {
    constexpr std::int64_t kPiece = 1 << 18;
    static const std::vector<float> floats = floats_of(kPiece);
    static const std::vector<std::uint16_t> upper = halves_of(floats);
    const void* piece = halves ? static_cast<const void*>(upper.data()) : floats.data();
    auto* to = memory_.as<char>();
    for (std::int64_t at = 0; at < n; at += kPiece)
      runtime().upload(to + bytes(at, halves), piece, bytes(std::min(kPiece, n - at), halves));
  }

  float* data() const { return memory_.as<float>(); }

 private:
  static std::size_t bytes(std::int64_t n, bool halves) {
    return (halves ? sizeof(std::uint16_t) : sizeof(float)) * static_cast<std::size_t>(n);
  }
  static std::vector<float> floats_of(std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(n));
    std::uint32_t state = 1;
    for (float& x : values) {
      state = state * 1664525u + 1013904223u;
      x = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
    }
    return values;
  }
  static std::vector<std::uint16_t> halves_of(const std::vector<float>& floats) {
    std::vector<std::uint16_t> values;
    values.reserve(floats.size());
    for (const float x : floats)
      values.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16));
    return values;
  }

  Memory memory_;
};

// One problem on memory of its own, with what mostly follows: our kernels do that on the way, behind the
// library's it is a pass.
class Bench {
 public:
  Bench(const GemmProblem& p, bool halves)
      : a_(p.m * p.k, halves),
        b_(p.k * p.n, halves),
        c_(p.m * p.n, halves && !p.transpose_a),
        bias_(p.n, false),
        saved_(p.transpose_b ? p.m * p.n : 0, halves) {
    operands_ = {c_.data(), a_.data(), b_.data()};
    operands_.halves = halves;
    operands_.half_c = halves && !p.transpose_a;
    if (p.transpose_a) return;  // the gradients of weights are taken as they are
    if (p.transpose_b) {
      finish_.slope.activation = math::Activation::relu;
      finish_.slope.saved = saved_.data();
    } else {
      finish_.activation = math::Activation::relu;
      finish_.bias = bias_.data();
    }
  }

  // Infinity: the library does not compute it.
  double microseconds(GemmPlan plan) const {
    plan.rounds = plan.kernel == GemmKernel::cublaslt && operands_.half_c;
    const Memory scratch(sizeof(float) * static_cast<std::size_t>(plan.scratch()));
    Queue queue;
    queue.scratch = scratch.as<float>();
    if (plan.kernel != GemmKernel::cublaslt) return timed(queue, plan);
    constexpr double kNever = std::numeric_limits<double>::infinity();
    try {
      return cublaslt_computes(plan, operands_, queue.scratch) ? timed(queue, plan) : kNever;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device) throw;
      context().require("tune");  // whatever is wrong with the library, ours may do
      return kNever;
    }
  }

 private:
  // In a graph, as in training: what the host does for a launch is no part of it.
  double timed(Queue queue, const GemmPlan& plan) const {
    // As many as make a launch count little; one is enough of what takes long.
    constexpr double kLong = 200, kMost = 8;
    const double about = kLong / estimated_microseconds(plan, runtime().architecture());
    const int together = static_cast<int>(std::clamp(about, 1.0, kMost));
    queue.stream = runtime().stream();
    multiply(queue, plan, operands_, finish_);  // what is done once is not done while launches are recorded
    const std::unique_ptr<void, void (*)(void*)> graph(runtime().capture([&](void* stream) {
      queue.stream = stream;
      for (int i = 0; i < together; ++i) multiply(queue, plan, operands_, finish_);
    }),
                                                       [](void* made) { runtime().destroy(made); });
    return runtime().microseconds([&] { runtime().replay(graph.get()); }) / together;
  }

  Random a_, b_, c_, bias_, saved_;
  GemmOperands operands_{};
  GemmFinish finish_;
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

// For whoever holds g_measuring. What there is to warn of goes to `heard`.
GemmTuner& tuner_of_device(std::vector<std::string>*& heard) {
  static std::vector<std::string> warnings;
  static std::map<std::string, GemmTuner> tuners;  // by what the file's first line says
  heard = &warnings;
  const std::string device = tuned_device();
  const std::string path = record_path(device);
  return tuners
      .try_emplace(path, path, "densor matrix products: " + device,
                   [](const std::string& text) { warnings.push_back(text); })
      .first->second;
}

// Asks the tuner for a plan, one thread after another. A warning runs Python, which may let another thread go
// on that comes here: the lock is free by then.
template <class Plan>
Plan ask_tuner(const std::function<Plan(GemmTuner&)>& question) {
  std::vector<std::string> warnings;
  Plan plan;
  run_detached([&] {
    const std::lock_guard<std::mutex> lock(g_measuring);
    std::vector<std::string>* heard = nullptr;
    plan = question(tuner_of_device(heard));
    warnings.swap(*heard);
  });
  for (const std::string& warning : warnings) g_warn(warning);
  return plan;
}

std::string with_type(const std::string& setting, bool halves) {
  return halves ? setting + " bfloat16" : setting;
}

}  // namespace

GemmPlan tuned_gemm(const std::vector<GemmPlan>& candidates, const std::string& setting, bool halves) {
  return ask_tuner<GemmPlan>([&](GemmTuner& tuner) {
    std::unique_ptr<Bench> bench;
    return tuner.choose(candidates, with_type(setting, halves), runtime().architecture(),
                        [&](const GemmPlan& plan) {
                          if (bench == nullptr) bench = std::make_unique<Bench>(plan.problem, halves);
                          return bench->microseconds(plan);
                        });
  });
}

std::optional<GemmPlan> known_gemm(const std::vector<GemmPlan>& candidates, const std::string& setting,
                                   bool halves) {
  return ask_tuner<std::optional<GemmPlan>>(
      [&](GemmTuner& tuner) { return tuner.known(candidates, with_type(setting, halves)); });
}

}  // namespace densor::cuda
