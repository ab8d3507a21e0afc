#include "program/program.h"

#include <algorithm>

#include "core/error.h"
#include "program/device_epoch.h"

namespace densor {

namespace {

// Whether a worker reads in `later` at most what it wrote itself in `step`.
bool is_local(const Step& step, const Step& later) {
  return step.unread || (step.writes_columns > 0 && step.writes_columns == later.reads_columns) ||
         (step.writes_rows > 0 && step.writes_rows == later.reads_rows);
}

// Where a barrier follows each step: after the last one, and wherever the next may read what another worker
// wrote since all have met.
std::vector<bool> place_fences(const std::vector<Step>& steps, int most) {
  std::vector<bool> fences(steps.size(), true);
  int unfenced = 0;
  for (auto met = steps.begin(), next = met; next != steps.end() && ++next != steps.end();) {
    const bool local = std::all_of(met, next, [&](const Step& step) { return is_local(step, *next); });
    const bool fence = !local || unfenced == most;
    fences[static_cast<std::size_t>(next - steps.begin() - 1)] = fence;
    unfenced = fence ? 0 : unfenced + 1;
    if (fence || next->meets) met = next;
  }
  return fences;
}

Device device_of(const Step& step) { return step.launch ? Device::cuda : Device::cpu; }

// A worker must save this much more per batch than its barriers cost, and this much in all than waking it
// does among other runs, in nanoseconds.
constexpr double kWorthPerBatch = 8000, kWorthWaking = 20000;
// A run apart from others must be longer than that: two threads of which one sleeps pay from about a
// millisecond on, which is twice what is estimated for few rows.
constexpr double kBrief = 500000;

RunOptions workers_for(double work, std::int64_t batches, int threads) {
  const auto worth = [&](double workers) {
    return static_cast<int>(std::clamp(workers, 1.0, static_cast<double>(threads)));
  };
  RunOptions options;
  options.awake = worth(work / kWorthPerBatch);
  const double all = work * static_cast<double>(batches);
  options.workers = std::min(options.awake, worth(all / kWorthWaking));
  options.brief = all < kBrief;
  return options;
}

}  // namespace

Program::Program(std::vector<Step> compute, std::vector<Step> update, Repeat repeat, int unfenced,
                 bool masks_rows, std::vector<Step> begin)
    : compute_(std::move(compute)),
      update_(std::move(update)),
      begin_(std::move(begin)),
      compute_fences_(place_fences(compute_, unfenced)),
      update_fences_(place_fences(update_, unfenced)),
      repeat_(repeat),
      masks_rows_(masks_rows) {
  if (!compute_.empty() || !update_.empty())
    device_ = device_of(compute_.empty() ? update_.front() : compute_.front());
  for (const auto* steps : {&begin_, &compute_, &update_}) {
    for (const Step& step : *steps) {
      if (device_of(step) != device_)
        throw Error(ErrorKind::value, "Program", "steps",
                    "step '" + step.name + "' runs on " + device_name(device_of(step)) + ", others on " +
                        device_name(device_));
      const bool repeated =
          steps == &compute_ && static_cast<std::size_t>(&step - steps->data()) >= repeat_.from;
      masks_rows_ = masks_rows_ && step.masks_rows;
      scratch_ = std::max(scratch_, step.scratch);
      if (steps != &begin_) work_ += step.work * static_cast<double>(repeated ? repeat_.count : 1);
    }
  }
}

void Program::run_begin(Worker& worker) const {
  for (const Step& step : begin_) {
    step.run(worker);
    worker.barrier();
  }
}

bool Program::run_batch(Worker& worker, std::int64_t number, Stop& stop) const {
  // Worker 0 decides for all, before a fence, whether the rest of the batch is dropped. So a step that has
  // barriers of its own is run by all workers or by none: worker 0 cannot reach the fence behind it alone.
  const auto stopped = [&] { return stop.drops.load(std::memory_order_relaxed) <= number; };
  const auto fence = [&] {
    if (worker.index() == 0 && worker.cancelled()) stop.drops.store(number, std::memory_order_relaxed);
    worker.barrier();
  };
  const std::uint64_t first = worker.batch.step;
  for (std::int64_t repeat = 0; repeat < repeat_.count; ++repeat) {
    worker.batch.step = first + static_cast<std::uint64_t>(repeat);
    worker.batch.repeat = repeat;
    for (std::size_t i = repeat == 0 ? 0 : repeat_.from; i < compute_.size(); ++i) {
      if (!stopped()) compute_[i].run(worker);
      if (compute_fences_[i] && i + 1 < compute_.size()) fence();
    }
    if (repeat + 1 < repeat_.count) fence();
  }
  if (worker.index() == 0 && worker.regroup()) stop.regroups.store(number, std::memory_order_relaxed);
  fence();
  if (stopped()) return false;
  for (std::size_t i = 0; i < update_.size(); ++i) {
    update_[i].run(worker);
    if (update_fences_[i]) worker.barrier();
  }
  return true;
}

namespace {

// Batch b of the epoch, as its steps see it.
void set_batch(Batch& batch, const Epoch& epoch, std::int64_t b) {
  const std::int64_t first = epoch.start + b * epoch.batch_size;
  batch.step = epoch.step + static_cast<std::uint64_t>(b * epoch.full->repeats());
  batch.start = first;
  batch.rows = epoch.order != nullptr ? epoch.order + first : nullptr;
  batch.row_count = epoch.order_count - first;
  batch.hyper = epoch.hyper != nullptr ? epoch.hyper + b * epoch.hyper_count : nullptr;
  batch.hyper_count = epoch.hyper_count;
}

// Runs batches from the first that is not done on, by one team. Returns whether another one has to go on.
bool run_batches(const Epoch& epoch, const RunOptions& options, std::int64_t& done) {
  Stop stop;
  const std::int64_t from = done;
  run_parallel(options, [&](Worker& worker) {
    for (std::int64_t b = from; b < epoch.batches; ++b) {
      set_batch(worker.batch, epoch, b);
      const Program& program = epoch.last != nullptr && b + 1 == epoch.batches ? *epoch.last : *epoch.full;
      if (b == 0 || &program == epoch.last) program.run_begin(worker);
      if (!program.run_batch(worker, b, stop)) return;
      if (worker.index() == 0) {
        done = b + 1;
        if (epoch.progress != nullptr)
          std::atomic_ref<std::uint64_t>(*epoch.progress)
              .store(static_cast<std::uint64_t>(done), std::memory_order_relaxed);
      }
      if (stop.regroups.load(std::memory_order_relaxed) == b) return;
    }
  });
  return stop.drops.load(std::memory_order_relaxed) == INT64_MAX && done < epoch.batches;
}

}  // namespace

std::int64_t run_epoch(const Epoch& epoch, int threads, Poll poll) {
  if (epoch.full->device() == Device::cuda) return run_on_device(epoch, poll);
  RunOptions options = workers_for(epoch.full->work(), epoch.batches, threads);
  options.scratch =
      std::max(epoch.full->scratch(), epoch.last != nullptr ? epoch.last->scratch() : std::int64_t{0});
  options.poll = std::move(poll);
  std::int64_t done = 0;
  while (run_batches(epoch, options, done)) {
  }
  return done;
}

}  // namespace densor
