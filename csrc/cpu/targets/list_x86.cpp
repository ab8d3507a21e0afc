// Targets of x86-64.
#include <iterator>

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

}  // namespace

const Target kTargets[] = {
    {"avx512", avx512_kernels, has_avx512},
    {"avx2", avx2_kernels, has_avx2},
    {"scalar", scalar_kernels, always},
};
const int kTargetCount = static_cast<int>(std::size(kTargets));

}  // namespace densor::cpu
