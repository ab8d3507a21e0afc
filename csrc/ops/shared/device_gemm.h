// Matrix products on a device.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cpu/gemm/precision.h"
#include "cuda/gemm/autotune.h"
#include "cuda/gemm/cublaslt.h"
#include "cuda/gemm/multiply.h"
#include "cuda/launch.h"

namespace densor::ops {

// The setting as the device understands it.
inline cuda::GemmPrecision device_precision(cpu::GemmPrecision precision) {
  switch (precision) {
    case cpu::GemmPrecision::ieee:
      return cuda::GemmPrecision::multiply_adds;
    case cpu::GemmPrecision::medium:
      return cuda::GemmPrecision::x1;
    case cpu::GemmPrecision::high:
      return cuda::GemmPrecision::x3;
    case cpu::GemmPrecision::tf32:
      return cuda::GemmPrecision::tf32;
    case cpu::GemmPrecision::x6:
      return cuda::GemmPrecision::x6;
    case cpu::GemmPrecision::highest:
      break;
  }
  return cuda::GemmPrecision::fastest_exact;
}

// What plans made from now on are narrowed to, and whose they may be; a library that is asked for must have
// been loaded.
struct GemmSettings {
  cuda::GemmChoice choice;
  cuda::GemmBackend backend = cuda::GemmBackend::automatic;
};
inline GemmSettings& gemm_settings() {
  static GemmSettings settings;
  return settings;
}

// Which plans take the device for. Code for plain sm_90 has no wgmma.
inline int device_architecture() {
  const int architecture = cuda::runtime().architecture();
  return architecture == 90 && !cuda::launchers().has_wgmma() ? 89 : architecture;
}

// Whether its products read bfloat16 numbers as they are.
inline bool device_reads_halves() { return device_architecture() >= cuda::kMatrixUnits; }

inline cuda::GemmPlan estimated_gemm(const cuda::GemmProblem& problem, cpu::GemmPrecision precision,
                                     int architecture, const GemmSettings& settings = gemm_settings()) {
  return cuda::plan_gemm(problem, device_precision(precision), architecture, settings.backend,
                         settings.choice);
}

// The library's or ours, by measurement; none where the library is no choice.
inline std::optional<cuda::GemmPlan> gemm_of_library_or_ours(const cuda::GemmProblem& problem,
                                                             cpu::GemmPrecision precision, int architecture,
                                                             bool halves) {
  const std::vector<cuda::GemmPlan> plans =
      cuda::gemm_candidates(problem, device_precision(precision), architecture, cuda::GemmBackend::automatic);
  const auto is_library = [](const cuda::GemmPlan& p) { return p.kernel == cuda::GemmKernel::cublaslt; };
  if (std::none_of(plans.begin(), plans.end(), is_library)) return std::nullopt;
  const std::string setting = std::string(cpu::precision_name(precision)) + " any";
  const auto known = cuda::known_gemm(plans, setting, halves);
  if (known && !is_library(*known)) return known;  // the library need not be loaded
  if (!cuda::has_cublaslt()) return std::nullopt;
  return known ? known : cuda::tuned_gemm(plans, setting, halves);
}

inline cuda::GemmPlan plan_device_gemm(const cuda::GemmProblem& problem, cpu::GemmPrecision precision,
                                       bool halves, GemmSettings settings) {
  const int architecture = device_architecture();
  const bool narrowed = !settings.choice.kernel.empty();
  if (!cuda::autotune() || narrowed) return estimated_gemm(problem, precision, architecture, settings);
  if (settings.backend == cuda::GemmBackend::automatic) {
    if (const auto plan = gemm_of_library_or_ours(problem, precision, architecture, halves)) return *plan;
    settings.backend = cuda::GemmBackend::own;
  }
  const std::vector<cuda::GemmPlan> plans =
      cuda::gemm_candidates(problem, device_precision(precision), architecture, settings.backend);
  if (plans.size() == 1) return plans.front();
  return cuda::tuned_gemm(plans, std::string(cpu::precision_name(precision)) + " own", halves);
}

// By measurement, where that is wanted and there is a choice, else by estimate. `halves`: operands are
// bfloat16, and so is what is no gradient of weights.
inline cuda::GemmPlan device_gemm(const cuda::GemmProblem& problem,
                                  cpu::GemmPrecision precision = cpu::matmul_precision(), bool halves = false,
                                  const GemmSettings& settings = gemm_settings()) {
  cuda::GemmPlan plan = plan_device_gemm(problem, precision, halves, settings);
  plan.rounds = plan.kernel == cuda::GemmKernel::cublaslt && halves && !problem.transpose_a;
  return plan;
}

// Of a prediction, in which a row may not depend on how many others there are: a plan for any number of rows,
// whose kernels add up every element in the same order. At "highest" that is multiply-adds, as on a CPU.
inline cuda::GemmPlan device_gemm_of_rows(const cuda::GemmProblem& problem, cpu::GemmPrecision precision,
                                          bool halves = false) {
  constexpr std::int64_t kRows = 4096;
  GemmSettings settings = gemm_settings();
  // The library may choose by the number of rows.
  if (settings.backend == cuda::GemmBackend::automatic) settings.backend = cuda::GemmBackend::own;
  if (precision == cpu::GemmPrecision::highest && settings.backend == cuda::GemmBackend::own)
    return {problem, 0, cuda::GemmKernel::simt};
  cuda::GemmProblem any = problem;
  any.m = kRows;
  cuda::GemmPlan plan = device_gemm(any, precision, halves, settings);
  plan.problem = problem;
  plan.tiling.parts = 1;
  return plan;
}

}  // namespace densor::ops
