// The questions to a machine.
#include "cpu/amx/probe.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace densor::cpu {

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
  // ENOSPC, which strerror takes for a full device: a frame with tiles would not fit on the signal stack of
  // some thread (sigaltstack).
  const char* reason = errno == ENOSPC ? "the signal stack of a thread is too small" : std::strerror(errno);
  return std::string("AMX, not used: the operating system refused the permission (") + reason + ")";
}

std::string amx_units() { return "AMX, bfloat16"; }

}  // namespace densor::cpu
