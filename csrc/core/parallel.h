// The thread pool. Threads spin briefly for the next run, then park. No OpenMP.
//
// Waking a parked thread takes longer than brief runs do. Those use the threads that are awake; others are
// woken where one brief run soon follows another. Where brief runs were held up by a thread that had lost
// its CPU, the caller does them alone for a time; a long one whose workers wait more than they work goes on
// with half of them (core/contention.h), and with all again after a while.
//
// `run` starts `workers` copies of a function, the caller being worker 0. A pool that is busy (another Python
// thread, or a signal handler inside a run) is not waited for: the call then runs on the caller alone, with
// the same result. After fork the child starts with no threads and makes its own.
#pragma once

#include <cstdint>
#include <functional>

#include "core/worker.h"

namespace densor {

// Called by worker 0 about every 10 ms while it runs; returning true cancels the run.
using Poll = std::function<bool()>;

struct RunOptions {
  int workers = 1;           // that are worth waking
  std::int64_t scratch = 0;  // floats per worker, which its thread keeps for later runs
  Poll poll;
  int awake = 1;       // workers that take part if they are awake; at least `workers`
  bool brief = false;  // waking workers takes as long as the run
};

// `body` may return between batches when `Worker::regroup` says so; its caller runs the rest anew.
// Exceptions thrown by `body` on any worker are rethrown here, the first one by worker index.
// Returns true if the run was cancelled.
bool run_parallel(const RunOptions& options, const std::function<void(Worker&)>& body);

// How often runs went on with fewer workers, in this process.
std::int64_t times_crowded();

// Threads a run may use: DENSOR_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs this process may run on.
int num_threads();
void set_num_threads(int count);
inline constexpr int kMaxThreads = 256;

}  // namespace densor
