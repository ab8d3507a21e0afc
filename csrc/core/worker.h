// What a step sees of the threads that run it: its share of the work, barriers, scratch memory, the batch at
// hand.
//
// All workers of a run walk the same steps. A step is a function of its worker: it takes the share that
// `split` gives it and writes nothing else, so the result does not depend on the number of workers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace densor {

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
};

// The share of worker `index` of `count` in n items, cut at multiples of `unit`.
constexpr Range share(std::int64_t n, std::int64_t unit, int index, int count) {
  const std::int64_t units = (n + unit - 1) / unit;
  const std::int64_t begin = units * index / count * unit;
  const std::int64_t end = units * (index + 1) / count * unit;
  return {begin < n ? begin : n, end < n ? end : n};
}

inline constexpr std::int64_t kLine = 16;  // floats in a cache line: the unit in which columns are shared out
inline constexpr std::int64_t kRowUnit = 4;  // in which rows are

// Why a batch of a device may not change anything any more: its sums of losses, or its gradients, are not
// finite.
enum class Refusal : std::int32_t { none, totals, gradients };

// The training step (or batch) being run.
struct Batch {
  std::uint64_t step = 0;              // running number; keys the dropout noise
  std::int64_t repeat = 0;             // of the steps that a program repeats
  const std::int64_t* rows = nullptr;  // indices of the data rows; null: rows start, start + 1, ...
  std::int64_t row_count = 0;          // how many indices there are from `rows` on
  std::int64_t start = 0;
  const float* hyper = nullptr;  // this step's hyper-parameters, as the optimizer step reads them
  std::int64_t hyper_count = 0;
  // On a device: batches of the run that were taken. Once one is refused it stays the one at hand, and
  // whatever writes what outlives a batch leaves it as it is: the host hears of it later.
  std::int64_t taken = 0;
  Refusal refusal = Refusal::none;
  // On a device, of a run whose last batch is shorter: rows that the program was made for, rows from this
  // batch on that are left, and rows that count in it. 0: all rows always count.
  std::int64_t capacity = 0, left = 0, size = 0;
};

class Team;

class Worker {
 public:
  Worker(Team& team, float* scratch, int index, int count)
      : team_(&team), scratch_(scratch), index_(index), count_(count) {}

  int index() const { return index_; }
  int count() const { return count_; }
  Range split(std::int64_t n, std::int64_t unit = 1) const { return share(n, unit, index_, count_); }

  // Returns when every worker of the team has called it.
  void barrier();
  // This worker's own memory, 64-byte aligned: at most the `scratch` that its step declared.
  float* scratch() const { return scratch_; }
  // True once the run should end early: long kernels look at it between tiles.
  bool cancelled();
  // Asked by worker 0 between batches: true where the run had better return, to go on with another number of
  // workers.
  bool regroup();

  Batch batch;

 private:
  Team* team_;
  float* scratch_;
  int index_, count_;
  std::uint32_t epoch_ = 0;
};

}  // namespace densor
