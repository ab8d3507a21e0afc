// What tests want to know of the emulated device.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/event.h"

namespace densor::cuda::host {

// Launches, and meetings of all blocks of one, from the beginning.
struct Work {
  std::int64_t launches, meetings;
};
Work work_done();

// What happened, launches among it, in order: the last thousand, since they were taken last.
void note(Event::Kind kind, std::uintptr_t stream = 0) noexcept;
std::vector<Event> take_notes();

}  // namespace densor::cuda::host
