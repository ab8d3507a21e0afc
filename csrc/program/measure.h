// What this machine can do, measured: the yardsticks of the benchmarks.
#pragma once

#include <cstdint>
#include <vector>

namespace densor {

// GFLOP/s of the active target's multiply-adds with `threads` threads, operands in registers. About 50 ms.
double measure_fma_peak(int threads);
// The same of the target's matrix units; 0 where it has none.
double measure_matrix_peak(int threads);

// GB/s, reads and writes counted, of `threads` threads that scale `bytes` bytes in place: what a pass that
// updates its arrays can reach at most. About 50 ms.
double measure_bandwidth(std::int64_t bytes, int threads);

// Seconds of `threads` threads for plain passes, one after the other, over arrays of `bytes` bytes: each
// reads the first arrays, one to four, and writes their sum to one more, or does not. What an operation of
// such passes can reach at most, with arrays that are as far away as its own. About 50 ms.
struct Pass {
  int reads;
  bool writes;
};
double measure_passes(std::int64_t bytes, const std::vector<Pass>& passes, int threads);

}  // namespace densor
