// The workers of one run: their barrier, their scratch memory, the cancel flag.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "core/contention.h"
#include "core/parallel.h"
#include "core/spin.h"

namespace densor {

// Thrown inside workers that wait for one that has failed; never leaves run_parallel.
struct Abandoned {};

class Team {
 public:
  using Clock = Contention::Clock;

  // `late`: how long a worker may be waited for beyond what is usual. `until`: when another size is to be
  // tried.
  Team(int count, std::int64_t scratch, Poll poll, std::chrono::microseconds late, Clock::time_point until,
       Contention& contention);

  void barrier(int index, std::uint32_t epoch);
  bool cancelled(int index);
  // Asked by worker 0 between batches: whether the run had better go on with another number of workers.
  bool regroup();
  // The last verdict on its size, with what was waited until now.
  Contention::Verdict judge(Clock::time_point now);

  int count() const { return count_; }
  // Whether a worker was late.
  bool was_held_up() const { return held_up_.load(std::memory_order_relaxed); }
  bool was_cancelled() const { return cancel_.load(std::memory_order_relaxed); }

  // Runs the body as worker `index`.
  void run(int index, const std::function<void(Worker&)>& body);
  // The same, keeping what it throws.
  void work(int index, const std::function<void(Worker&)>& body);
  void rethrow() const;

 private:
  struct alignas(128) Arrival {
    std::atomic<std::uint32_t> epoch{0};
    std::atomic<Clock::duration> waited{Clock::duration{0}};  // by this worker, in long waits
  };

  int count_;
  std::int64_t scratch_;
  std::chrono::microseconds late_;
  std::unique_ptr<Arrival[]> arrivals_;
  std::vector<std::exception_ptr> errors_;
  std::atomic<bool> cancel_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> held_up_{false};
  Poll poll_;
  Clock::time_point next_poll_, until_, looked_;
  Clock::duration waited_{0};  // as of the last look
  Contention& contention_;
  Contention::Verdict verdict_ = Contention::Verdict::open;
};

}  // namespace densor
