// Whether a team is too large for the CPUs that it gets: where other programs run on them, all workers wait
// at each meeting for the one that has lost its CPU, and fewer of them are faster.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace densor {

class Contention {
 public:
  enum class Verdict { open, room, crowd };
  using Clock = std::chrono::steady_clock;

  // Adds a stretch of a run: its time, and for how long a worker was waited for in it.
  void add(Clock::duration time, Clock::duration waited) {
    time_ += time;
    waited_ += waited;
  }
  // What that amounts to, which is forgotten then. `open`: too little to tell. Half of the workers would take
  // twice the time in which nobody waits; where waiting is three fifths of the time, that is less by a fifth,
  // and they are faster for sure: a `crowd`. That a team which has been made smaller has room says nothing of
  // all workers.
  Verdict judge(bool smaller) {
    if (time_ < (crowded_ ? kAgain : kFirst)) return Verdict::open;
    const bool crowd = 5 * waited_ > 3 * time_;
    time_ = waited_ = Clock::duration{0};
    if (!crowd && smaller) return Verdict::open;
    crowded_ = crowd;
    return crowd ? Verdict::crowd : Verdict::room;
  }

 private:
  // A slice of a CPU may be lost at any time, to the host of a virtual machine for one; once there is a
  // crowd, a look will do to see that it is still there.
  static constexpr auto kFirst = std::chrono::milliseconds(100), kAgain = std::chrono::milliseconds(20);

  Clock::duration time_{0}, waited_{0};
  bool crowded_ = false;
};

// Where runs were held up by threads that had lost their CPUs, they do with fewer for a time, which doubles.
class Trust {
 public:
  using Clock = Contention::Clock;

  Trust(Clock::duration shortest, Clock::duration longest) : shortest_(shortest), longest_(longest) {}

  // How many workers may be tried at `now`.
  int most(Clock::time_point now) const { return now < until_ ? most_ : std::numeric_limits<int>::max(); }
  // When more than `workers` may be, where `wanted` are.
  Clock::time_point until(int workers, int wanted) const {
    return workers < wanted ? until_ : Clock::time_point::max();
  }

  void lose(int most, Clock::time_point now) {
    pause_ = std::clamp(2 * pause_, shortest_, longest_);
    until_ = now + pause_;
    most_ = most;
  }
  void gain() { pause_ /= 2; }

 private:
  Clock::duration shortest_, longest_, pause_{0};
  Clock::time_point until_ = Clock::time_point::min();
  int most_ = 0;
};

}  // namespace densor
