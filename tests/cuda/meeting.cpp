// Blocks of a kernel that meet on the processor: prints what each saw of the others, or what was thrown.
// "deep": a thread needs more of the stack than it has.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "cuda/host/grid.h"

namespace host = densor::cuda::host;

int deep(int calls) {
  volatile char frame[512] = {};
  frame[calls % 512] = 1;
  return calls == 0 ? 0 : deep(calls - 1) + frame[calls % 512];
}

int main(int, char** arguments) {
  host::set_order(std::strcmp(arguments[1], "descending") == 0 ? host::Order::descending
                                                               : host::Order::ascending);
  if (std::strcmp(arguments[2], "deep") == 0)
    host::launch(dim3(1), dim3(32), 8, [] { std::printf("%d calls\n", deep(1000)); });
  const bool one_stays_away = std::strcmp(arguments[2], "missing") == 0;
  constexpr unsigned kBlocks = 4, kThreads = 64;
  static int written[kBlocks * kThreads], wrong = 0;
  try {
    host::launch_together(dim3(kBlocks), dim3(kThreads), 8, [=] {
      const unsigned me = host::block_index().x * kThreads + host::thread_index().x;
      for (int round = 1; round <= 3; ++round) {
        written[me] = round;
        if (one_stays_away && round == 2 && host::block_index().x == 1) return;
        host::block().meet();
        for (const int value : written) wrong += value != round;
        host::block().meet();
      }
    });
  } catch (const densor::Error& error) {
    std::puts(error.what());
    return 0;
  }
  std::printf("%d wrong\n", wrong);
}
