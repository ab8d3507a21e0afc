#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/team.h"

namespace densor {

namespace {

using Clock = Contention::Clock;
using Time = Clock::time_point;

// A finished thread looks for the next run this long before it parks.
constexpr auto kSpinTime = std::chrono::microseconds(50);
// So soon after another run a brief one wakes threads: later their CPUs sleep as well.
constexpr auto kSoon = std::chrono::microseconds(200);
// One that spins and has not been heard of for so long has lost its CPU.
constexpr auto kFresh = std::chrono::microseconds(3);
// Threads are woken for runs to come at most so often.
constexpr auto kWakeInterval = std::chrono::milliseconds(1);
// A worker that has been waited for so long has lost its CPU: in a run that uses those which are awake; in
// one that may have woken it.
constexpr auto kLate = std::chrono::microseconds(20), kLateWaking = std::chrono::microseconds(1000);

// One pool thread's mailbox. `ticket` changes when there is work, or when the thread is to be awake; it parks
// on it.
struct alignas(128) Mailbox {
  std::atomic<std::uint32_t> ticket{0};
  std::atomic<Team*> team{nullptr};
  const std::function<void(Worker&)>* body = nullptr;
  int index = 0;
  alignas(128) std::atomic<Time> seen{Time::min()};  // spinning
};

class Pool {
 public:
  // Never destroyed: its threads may outlive main.
  static Pool& instance() {
    static std::once_flag once;
    std::call_once(once, [] {
      current() = new Pool;
      pthread_atfork(nullptr, nullptr, [] { current() = new Pool; });
    });
    return *current();
  }

  bool try_acquire() { return busy_.try_lock(); }
  void release() { busy_.unlock(); }

  // Starts threads until there are `wanted`, or as many as the system gives.
  int grow(int wanted) {
    while (static_cast<int>(mailboxes_.size()) < wanted) {
      auto mailbox = std::make_unique<Mailbox>();
      try {
        std::thread(&Pool::serve, mailbox.get()).detach();
      } catch (const std::system_error&) {
        break;
      }
      mailboxes_.push_back(std::move(mailbox));
    }
    return std::min(wanted, static_cast<int>(mailboxes_.size()));
  }

  // How many workers a run gets: a long one those that it asks for. A brief one uses the threads that spin;
  // where it follows another run soon, as one of many, it wakes the others that it asks for. If it asks for
  // none, and follows at once, they are woken for a later one.
  int choose(const RunOptions& options) {
    const Time now = Clock::now();
    if (!options.brief) return 1 + grow(std::min(options.workers, long_.most(now)) - 1);
    if (brief_.most(now) == 1) return 1;
    const int found = spinning(options.awake - 1, now);
    if (found == options.awake - 1) return 1 + found;
    if (options.workers > 1 && now < ended_ + kSoon) return 1 + std::max(found, grow(options.workers - 1));
    if (options.workers == 1 && now < ended_ + kSpinTime && now > woken_ + kWakeInterval) {
      const int there = grow(options.awake - 1);
      for (int i = found; i < there; ++i) wake(*mailboxes_[static_cast<std::size_t>(i)]);
      woken_ = now;
    }
    return 1 + found;
  }

  // When a run on `workers` threads had better go on with more.
  Time until(const RunOptions& options, int workers) const {
    return options.brief ? Time::max() : long_.until(workers, options.workers);
  }

  Contention& contention() { return contention_; }

  // What a run has shown of the CPUs that it got.
  void judge(const RunOptions& options, Team& team) {
    const Time now = Clock::now();
    ended_ = now;
    if (team.count() == 1) return;
    if (options.brief) {
      team.was_held_up() ? brief_.lose(1, now) : brief_.gain();
      return;
    }
    switch (team.judge(now)) {
      case Contention::Verdict::open:
        return;
      case Contention::Verdict::room:
        return long_.gain();
      case Contention::Verdict::crowd:
        times_crowded_.fetch_add(1, std::memory_order_relaxed);
        return long_.lose(team.count() / 2, now);
    }
  }

  std::int64_t times_crowded() const { return times_crowded_.load(std::memory_order_relaxed); }

  void run(Team& team, const std::function<void(Worker&)>& body) {
    for (int i = 1; i < team.count(); ++i) {
      Mailbox& box = *mailboxes_[static_cast<std::size_t>(i - 1)];
      box.body = &body;
      box.index = i;
      box.team.store(&team, std::memory_order_release);
      wake(box);
    }
    team.work(0, body);
    for (int i = 1; i < team.count(); ++i) {
      const Mailbox& box = *mailboxes_[static_cast<std::size_t>(i - 1)];
      spin_until([&box] { return box.team.load(std::memory_order_acquire) == nullptr; });
    }
  }

 private:
  static Pool*& current() {
    static Pool* pool = nullptr;
    return pool;
  }

  // How many of the first `wanted` threads do.
  int spinning(int wanted, Time now) const {
    const auto spins = [now](const auto& box) {
      return box->seen.load(std::memory_order_relaxed) > now - kFresh;
    };
    const auto end = mailboxes_.begin() + std::min(wanted, static_cast<int>(mailboxes_.size()));
    return static_cast<int>(std::find_if_not(mailboxes_.begin(), end, spins) - mailboxes_.begin());
  }

  static void wake(Mailbox& box) {
    box.ticket.fetch_add(1, std::memory_order_release);
    box.ticket.notify_one();
  }

  static void serve(Mailbox* box) {
    std::uint32_t ticket = 0;
    for (;;) {
      wait_for_change(*box, ticket);
      ticket = box->ticket.load(std::memory_order_acquire);
      if (Team* team = box->team.load(std::memory_order_acquire)) {
        team->work(box->index, *box->body);
        box->team.store(nullptr, std::memory_order_release);
      }
    }
  }

  static void wait_for_change(Mailbox& box, std::uint32_t ticket) {
    const Time until = Clock::now() + kSpinTime;
    for (Time now = until - kSpinTime; now <= until; now = Clock::now()) {
      box.seen.store(now, std::memory_order_relaxed);
      for (int i = 0; i < 16; ++i) {
        if (box.ticket.load(std::memory_order_acquire) != ticket) return;
        spin_pause();
      }
    }
    box.seen.store(Time::min(), std::memory_order_relaxed);
    box.ticket.wait(ticket, std::memory_order_acquire);
  }

  std::mutex busy_;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  Time ended_ = Time::min(), woken_ = Time::min();
  Trust brief_{std::chrono::milliseconds(1), std::chrono::milliseconds(256)};
  Trust long_{std::chrono::milliseconds(32), std::chrono::milliseconds(512)};
  Contention contention_;
  std::atomic<std::int64_t> times_crowded_{0};
};

int thread_variable(const char* name, bool strict) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  const bool valid =
      end != text && (*end == '\0' || (!strict && *end == ',')) && value >= 1 && value <= kMaxThreads;
  if (valid) return static_cast<int>(value);
  if (!strict) return 0;
  throw Error(ErrorKind::value, "num_threads", name,
              std::string("value '") + text + "' is not a number of threads in [1, " +
                  std::to_string(kMaxThreads) + "]; unset this environment variable or set it to one");
}

// Whole CPUs that the cgroup's quota allows; a large number without a quota.
int cgroup_cpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return kMaxThreads;
  return std::max(1, static_cast<int>(std::ceil(std::strtod(quota.c_str(), nullptr) / period)));
}

int allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::clamp(std::min(affine, cgroup_cpus()), 1, kMaxThreads);
}

std::atomic<int> g_threads{0};

}  // namespace

int num_threads() {
  int threads = g_threads.load(std::memory_order_relaxed);
  if (threads == 0) {
    threads = thread_variable("DENSOR_NUM_THREADS", true);
    if (threads == 0) threads = thread_variable("OMP_NUM_THREADS", false);
    if (threads == 0) threads = allowed_cpus();
    g_threads.store(threads, std::memory_order_relaxed);
  }
  return threads;
}

void set_num_threads(int count) {
  if (count < 1 || count > kMaxThreads)
    throw Error(ErrorKind::value, "set_num_threads", "count",
                "value " + std::to_string(count) + " is outside [1, " + std::to_string(kMaxThreads) + "]");
  g_threads.store(count, std::memory_order_relaxed);
}

std::int64_t times_crowded() { return Pool::instance().times_crowded(); }

bool run_parallel(const RunOptions& options, const std::function<void(Worker&)>& body) {
  Pool& pool = Pool::instance();
  const bool mine = std::max(options.workers, options.awake) > 1 && pool.try_acquire();
  struct Release {
    Pool* pool;
    ~Release() {
      if (pool) pool->release();
    }
  } release{mine ? &pool : nullptr};
  const int workers = mine ? pool.choose(options) : 1;
  Team team(workers, options.scratch, options.poll, options.workers > 1 ? kLateWaking : kLate,
            mine ? pool.until(options, workers) : Time::max(), pool.contention());
  if (workers == 1)
    team.run(0, body);
  else
    pool.run(team, body);
  if (mine) pool.judge(options, team);
  team.rethrow();
  return team.was_cancelled();
}

}  // namespace densor
