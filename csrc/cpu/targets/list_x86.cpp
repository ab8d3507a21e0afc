// Targets of x86-64.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

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

// CPUID leaf 7: tiles, and products of bfloat16 in them.
bool cpu_has_amx() {
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kBf16) != 0 && (edx & kTile) != 0;
}

// Whether the operating system saves the tile registers: their two bits in XCR0.
bool system_saves_tiles() {
  constexpr unsigned kTileConfig = 1u << 17, kTileData = 1u << 18, kOsXsave = 1u << 27;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kOsXsave) == 0) return false;
  asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return (eax & kTileConfig) != 0 && (eax & kTileData) != 0;
}

// Linux gives a process the 8 KB of tile registers only when it asks (Documentation/arch/x86/xstate.rst).
std::string ask_for_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return "";
  return std::string("AMX, not used: the operating system refused the permission (") + std::strerror(errno) +
         ")";
}

// Why AMX is not used; empty where it can be. Asked once.
const std::string& amx_obstacle() {
  static const std::string obstacle = !cpu_has_amx() ? "none: this CPU has no AMX for bfloat16"
                                      : !system_saves_tiles()
                                          ? "AMX, not used: the operating system does not save its registers"
                                      : !has_avx512() ? "AMX, not used: this CPU lacks AVX-512"
                                                      : ask_for_tiles();
  return obstacle;
}

bool has_amx() { return amx_obstacle().empty(); }

}  // namespace

const Target kTargets[] = {
    {"amx", amx_kernels, has_amx, false},
    {"avx512", avx512_kernels, has_avx512, false},
    {"avx2", avx2_kernels, has_avx2, false},
    {"scalar", scalar_kernels, always, false},
    {"amx_model", amx_model_kernels, has_avx2, true},
};
const int kTargetCount = static_cast<int>(std::size(kTargets));

std::string matrix_units() { return has_amx() ? "AMX, bfloat16" : amx_obstacle(); }

}  // namespace densor::cpu
