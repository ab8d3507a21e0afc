// Matrix products on a device.
#pragma once

#include "cpu/gemm/precision.h"
#include "cuda/gemm/autotune.h"
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

// What plans made from now on are narrowed to, and whose they may be; a library must have been loaded.
struct GemmSettings {
  cuda::GemmChoice choice;
  cuda::GemmBackend backend = cuda::GemmBackend::own;
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

// By measurement, where that is wanted and there is a choice, else by estimate. `halves`: operands are
// bfloat16, which only our kernels read as they are.
inline cuda::GemmPlan device_gemm(const cuda::GemmProblem& problem,
                                  cpu::GemmPrecision precision = cpu::matmul_precision(),
                                  bool halves = false) {
  GemmSettings settings = gemm_settings();
  if (halves) settings.backend = cuda::GemmBackend::own;
  const int architecture = device_architecture();
  const bool narrowed = !settings.choice.kernel.empty();
  if (!cuda::autotune() || narrowed) return estimated_gemm(problem, precision, architecture, settings);
  const std::vector<cuda::GemmPlan> plans =
      cuda::gemm_candidates(problem, device_precision(precision), architecture, settings.backend);
  if (plans.size() == 1) return plans.front();
  const std::string library = settings.backend == cuda::GemmBackend::own ? " own" : " any";
  return cuda::tuned_gemm(plans, cpu::precision_name(precision) + library, halves);
}

// Of a prediction, in which a row may not depend on how many others there are: a plan for any number of rows,
// whose kernels add up every element in the same order. At "highest" that is multiply-adds, as on a CPU.
inline cuda::GemmPlan device_gemm_of_rows(const cuda::GemmProblem& problem, cpu::GemmPrecision precision,
                                          bool halves = false) {
  constexpr std::int64_t kRows = 4096;
  if (precision == cpu::GemmPrecision::highest && gemm_settings().backend != cuda::GemmBackend::cublaslt)
    return {problem, 0, cuda::GemmKernel::simt};
  cuda::GemmProblem any = problem;
  any.m = kRows;
  cuda::GemmPlan plan = device_gemm(any, precision, halves);
  plan.problem = problem;
  plan.tiling.parts = 1;
  return plan;
}

}  // namespace densor::ops
