// Waiting without sleeping.
#pragma once

#include <sched.h>

namespace densor {

// One CPU cycle's worth of politeness inside a spin loop.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// For what another worker is about to do. Soon gives the CPU to who needs it.
template <class Done>
void spin_until(Done done) {
  for (int spins = 0; !done(); ++spins) spins < 1000 ? spin_pause() : static_cast<void>(sched_yield());
}

}  // namespace densor
