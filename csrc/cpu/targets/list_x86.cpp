// Targets of x86-64.
#include <iterator>

#include "cpu/amx/obstacle.h"
#include "cpu/amx/probe.h"
#include "cpu/dispatch.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

namespace {

// __builtin_cpu_supports reads cpuid and, for the vector registers, what the operating system saves (xgetbv).
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool always() { return true; }

// Asked once.
const std::string& obstacle_here() {
  static const std::string obstacle = amx_obstacle(cpu_has_amx(), system_saves_tiles(), has_avx512());
  return obstacle;
}

bool has_amx() { return obstacle_here().empty(); }

}  // namespace

const Target kTargets[] = {
    {"amx", amx_kernels, has_amx, false},
    {"avx512", avx512_kernels, has_avx512, false},
    {"avx2", avx2_kernels, has_avx2, false},
    {"scalar", scalar_kernels, always, false},
    {"amx_model", amx_model_kernels, has_avx2, true},
};
const int kTargetCount = static_cast<int>(std::size(kTargets));

std::string matrix_units() { return has_amx() ? amx_units() : obstacle_here(); }

std::string amx_obstacle(bool cpu_has_it, bool system_saves_it, bool has_vectors) {
  if (!cpu_has_it) return "none: this CPU has no AMX for bfloat16";
  if (!system_saves_it) return "AMX, not used: the operating system does not save its registers";
  return has_vectors ? ask_for_tiles() : "AMX, not used: this CPU lacks AVX-512";
}

}  // namespace densor::cpu
