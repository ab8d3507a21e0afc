// What this machine can do, measured: the yardsticks of the benchmarks.
#pragma once

#include <cstdint>

namespace densor {

// GFLOP/s of the active target's multiply-adds with `threads` threads, operands in registers. About 50 ms.
double measure_fma_peak(int threads);
// The same of the target's matrix units; 0 where it has none.
double measure_matrix_peak(int threads);

// GB/s, reads and writes counted, of `threads` threads that scale `bytes` bytes in place: what a pass that
// updates its arrays can reach at most. About 50 ms.
double measure_bandwidth(std::int64_t bytes, int threads);

}  // namespace densor
