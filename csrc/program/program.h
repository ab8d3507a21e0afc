// A program: the steps of one batch, and the loop that runs batches of it without coming back to Python.
//
// All workers enter `run` once and walk the steps together. A barrier stands before a step unless it is local
// to all those since the last barrier (core/step.h); at most kUnfenced steps follow one another without one,
// so memory last used by step i may be handed to step i + kUnfenced + 1. The last steps of `compute` may run
// several times, each time as a step of its own for what keys noise: samples of the same batch. A run begins
// with steps of its own, for what stays the same in all of its batches. Each batch has two phases: `compute`
// may be abandoned between steps when the run is cancelled; `update` changes weights and state, and once
// begun is finished.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "core/step.h"

namespace densor {

// Where all workers of a run end, as worker 0 has decided: the batch that a cancelled run drops, and the last
// one before the run goes on with another number of workers. Numbers, not flags: a worker that is late must
// not take the end of a later batch for that of its own.
struct Stop {
  std::atomic<std::int64_t> drops{INT64_MAX}, regroups{INT64_MAX};
};

class Program {
 public:
  static constexpr int kUnfenced = 3;  // unless the program is made with another number

  // Which steps of `compute` are repeated: those from `from` on, `count` times in all.
  struct Repeat {
    std::size_t from = 0;
    std::int64_t count = 1;
  };

  // masks_rows: no number that a step was made with stands for the rows of the batch.
  Program(std::vector<Step> compute, std::vector<Step> update, Repeat repeat, int unfenced,
          bool masks_rows = true, std::vector<Step> begin = {});
  Program(std::vector<Step> compute, std::vector<Step> update)
      : Program(std::move(compute), std::move(update), Repeat{}, kUnfenced) {}

  // Runs what precedes the first batch of this program in a run, on this worker; all workers are done then.
  void run_begin(Worker& worker) const;
  // Runs batch `number` on this worker. Returns false if the run was cancelled before the update phase.
  bool run_batch(Worker& worker, std::int64_t number, Stop& stop) const;

  // Whether it computes a batch of fewer rows, too (Step::masks_rows).
  bool masks_rows() const { return masks_rows_; }

  // All of its steps are of this device.
  Device device() const { return device_; }
  std::int64_t scratch() const { return scratch_; }
  double work() const { return work_; }
  std::int64_t repeats() const { return repeat_.count; }
  const Repeat& repeat() const { return repeat_; }
  const std::vector<Step>& begin() const { return begin_; }
  const std::vector<Step>& compute() const { return compute_; }
  const std::vector<Step>& update() const { return update_; }
  // True where a barrier follows compute()[i], update()[i].
  const std::vector<bool>& compute_fences() const { return compute_fences_; }
  const std::vector<bool>& update_fences() const { return update_fences_; }

 private:
  std::vector<Step> compute_, update_, begin_;
  std::vector<bool> compute_fences_, update_fences_;
  Repeat repeat_;
  bool masks_rows_;
  Device device_ = Device::cpu;
  std::int64_t scratch_ = 0;
  double work_ = 0;
};

// What to run: `batches` batches of `batch_size` data rows, the last one with `last` where there is one, or
// of fewer rows.
struct Epoch {
  const Program* full = nullptr;
  const Program* last = nullptr;
  std::int64_t batches = 0;
  std::int64_t batch_size = 0;
  std::int64_t rows = 0;  // of all batches, where `full` masks rows for the last one; 0: whole batches
  const std::int64_t* order = nullptr;  // data rows in the order of visit; null: as they lie
  std::int64_t order_count = 0;         // entries of the order
  std::int64_t start = 0;               // first position in the order
  const float* hyper = nullptr;         // (batches, hyper_count)
  std::int64_t hyper_count = 0;
  std::uint64_t step = 0;             // number of the first batch (of its first repeat)
  std::uint64_t* progress = nullptr;  // batches done, written as they are done
  bool heard = true;                  // false, of one batch: on a device, the host does not wait for its end
};

// Returns the number of batches done: fewer than asked if `poll` cancelled the run.
std::int64_t run_epoch(const Epoch& epoch, int threads, Poll poll);

}  // namespace densor
