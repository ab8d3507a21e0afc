// What this processor does and a GPU does not, or does otherwise: reads and writes of vectors that are not
// aligned, shifts by as many bits as there are, conversions to integers that do not hold the value. The
// compiler calls these functions instead of those of UndefinedBehaviorSanitizer's run time, which is not
// linked.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cuda/host/watch.h"

namespace {

// As the compiler lays them out.
struct Place {
  const char* file;
  std::uint32_t line, column;
};
struct Misaligned {
  Place place;
  const void* type;
  unsigned char alignment, kind;  // the alignment's logarithm
};

std::string at(const Place& place) {
  const std::string file = place.file != nullptr ? place.file : "";
  return " at " + file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line);
}

void note(const std::string& what, const Place& place) {
  densor::cuda::host::watch::note_fault(what + at(place));
}

}  // namespace

extern "C" {
void __ubsan_handle_type_mismatch_v1(const Misaligned* it, std::uintptr_t) {
  // The access comes next; the code that was made for it may not survive it either.
  const std::string what = "an address is no multiple of " + std::to_string(1 << it->alignment);
  std::fprintf(stderr, "%s%s\n", what.c_str(), at(it->place).c_str());
  std::abort();
}
void __ubsan_handle_shift_out_of_bounds(const Place* place, std::uintptr_t, std::uintptr_t) {
  note("a shift loses all bits or a sign", *place);
}
void __ubsan_handle_float_cast_overflow(const Place* place, std::uintptr_t) {
  note("an integer does not hold the value that becomes one", *place);
}
}
