// A step: one op bound to its buffers. Ops return steps; programs are lists of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/queue.h"
#include "core/worker.h"

namespace densor {

struct Step {
  std::string name;
  std::function<void(Worker&)> run;          // on the CPU; absent in a step of a device,
  std::function<void(const Queue&)> launch;  // which puts its kernels on the queue
  std::function<void(const Queue&)>
      prepare;               // of a device's step, or absent: before a run, checks and uploads
  std::int64_t scratch = 0;  // floats of private memory that each worker needs
  double work = 0;           // estimated single-thread nanoseconds; decides how many workers are worth waking
  // Locality. A worker of a column-local step touches only its own share (`split(columns, kLine)`) of the
  // columns of every array that it reads (`reads_columns`) or writes (`writes_columns`); 0: it may touch
  // anything. No barrier is needed between a step that writes n columns and the next one that reads n. The
  // same for rows, shared out by `split(rows, kRowUnit)`. What no step of the phase writes may be read
  // anywhere.
  std::int64_t reads_columns = 0;
  std::int64_t writes_columns = 0;
  std::int64_t reads_rows = 0;
  std::int64_t writes_rows = 0;
  bool unread = false;  // no step of the batch reads what this one writes: no barrier follows it
  bool meets = false;   // between what it reads and what it writes stands a barrier of its own
  // On a device: rows that the batch at hand does not have (Batch::size) change nothing but themselves. Not
  // said of what has not been looked at: its program gets batches of its own size only.
  bool masks_rows = false;
  bool refuses = false;  // on a device: it may mark the batch at hand as refused (Batch::refusal)
};

}  // namespace densor
