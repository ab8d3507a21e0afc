// Philox on sixteen counters at a time.
#pragma once

#include <cstdint>

#include "math/philox.h"

namespace densor::cpu {
namespace {

// Lane l: the words of counter (first + l, second, third, fourth); first is a multiple of 16. In line: the
// rounds of one block run beside those of the next.
[[gnu::always_inline]] inline math::PhiloxWords<UVec> philox_lanes(const math::PhiloxKey& key,
                                                                   std::uint32_t first, std::uint32_t second,
                                                                   std::uint32_t third,
                                                                   std::uint32_t fourth) {
  const auto out = math::philox<Factor>(
      {{Factor(UVec(first) + UVec::iota()), Factor(second), Factor(third), Factor(fourth)}}, key);
  return {{lanes(out.word[0]), lanes(out.word[1]), lanes(out.word[2]), lanes(out.word[3])}};
}

}  // namespace
}  // namespace densor::cpu
