#include "core/team.h"

#include <sched.h>

#include "core/denormals.h"
#include "core/scratch.h"

namespace densor {

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(10);

// Spins before giving the CPU away. Halved when a wait outlasts it (the machine is shared: somebody else
// needs this CPU, perhaps the very worker that is waited for), grown back when waits are short.
constexpr int kMinSpins = 16, kMaxSpins = 4096;
std::atomic<int> g_spins{kMaxSpins};

}  // namespace

Team::Team(int count, std::int64_t scratch, Poll poll, std::chrono::microseconds late,
           Clock::time_point until, Contention& contention)
    : count_(count),
      scratch_(scratch),
      late_(late),
      arrivals_(count > 1 ? new Arrival[static_cast<std::size_t>(count)] : nullptr),
      errors_(count > 1 ? static_cast<std::size_t>(count) : 0),
      poll_(std::move(poll)),
      until_(until),
      contention_(contention) {
  if (poll_ || count > 1) looked_ = Clock::now();  // a brief run alone does not look at the clock
  if (poll_) next_poll_ = looked_ + kPollInterval;
}

void Team::barrier(int index, std::uint32_t epoch) {
  arrivals_[static_cast<std::size_t>(index)].epoch.store(epoch, std::memory_order_release);
  const int patience = g_spins.load(std::memory_order_relaxed);
  int spins = 0;
  Clock::time_point impatient;
  for (int other = 0; other < count_; ++other) {
    if (other == index) continue;
    const auto& arrival = arrivals_[static_cast<std::size_t>(other)].epoch;
    while (static_cast<std::int32_t>(arrival.load(std::memory_order_acquire) - epoch) < 0) {
      if (failed_.load(std::memory_order_relaxed)) throw Abandoned{};
      if (spins == patience) impatient = Clock::now();
      if (spins++ < patience)
        spin_pause();
      else
        sched_yield();
    }
  }
  if (spins > patience) {
    const Clock::duration wait = Clock::now() - impatient;
    auto& waited = arrivals_[static_cast<std::size_t>(index)].waited;
    waited.store(waited.load(std::memory_order_relaxed) + wait, std::memory_order_relaxed);
    if (wait > late_) held_up_.store(true, std::memory_order_relaxed);
    g_spins.store(patience / 2 > kMinSpins ? patience / 2 : kMinSpins, std::memory_order_relaxed);
  } else if (patience < kMaxSpins) {
    g_spins.store(patience + 1, std::memory_order_relaxed);
  }
}

bool Team::cancelled(int index) {
  if (index == 0 && poll_ && !was_cancelled()) {
    const Clock::time_point now = Clock::now();
    if (now >= next_poll_) {
      next_poll_ = now + kPollInterval;
      if (poll_()) cancel_.store(true, std::memory_order_relaxed);
    }
  }
  return was_cancelled();
}

Contention::Verdict Team::judge(Clock::time_point now) {
  if (count_ == 1) return verdict_;
  Clock::duration waited{0};
  for (int i = 0; i < count_; ++i)
    waited += arrivals_[static_cast<std::size_t>(i)].waited.load(std::memory_order_relaxed);
  contention_.add(now - looked_, (waited - waited_) / (count_ - 1));
  looked_ = now;
  waited_ = waited;
  const bool smaller = until_ != Clock::time_point::max();
  if (const auto verdict = contention_.judge(smaller); verdict != Contention::Verdict::open)
    verdict_ = verdict;
  return verdict_;
}

bool Team::regroup() {
  const Clock::time_point now = Clock::now();
  return now >= until_ || judge(now) == Contention::Verdict::crowd;
}

void Team::run(int index, const std::function<void(Worker&)>& body) {
  const FlushDenormals flush;
  const Scratch scratch(scratch_);
  Worker worker(*this, scratch.data(), index, count_);
  body(worker);
}

void Team::work(int index, const std::function<void(Worker&)>& body) {
  try {
    run(index, body);
  } catch (const Abandoned&) {
  } catch (...) {
    errors_[static_cast<std::size_t>(index)] = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
  }
}

void Team::rethrow() const {
  for (const auto& error : errors_)
    if (error) std::rethrow_exception(error);
}

void Worker::barrier() {
  if (count_ > 1) team_->barrier(index_, ++epoch_);
}

bool Worker::cancelled() { return team_->cancelled(index_); }

bool Worker::regroup() { return team_->regroup(); }

}  // namespace densor
