#include "cuda/host/block.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace densor::cuda::host {

void Block::run(std::uint32_t index, int threads, Order order, const std::function<void(int)>& body) {
  begin(index, threads);
  if (!advance(order, body))
    throw Error(ErrorKind::runtime, "launch", "",
                "a block waits for others, which are not launched together");
}

void Block::begin(std::uint32_t index, int threads) {
  while (static_cast<int>(fibers_.size()) < threads) fibers_.push_back(std::make_unique<Fiber>());
  threads_.assign(static_cast<std::size_t>(threads), Thread{});
  warps_.assign(static_cast<std::size_t>((threads + kWarp - 1) / kWarp), Warp{});
  beside_.clear();
  clocks_.begin(threads);
  index_ = index;
}

bool Block::advance(Order order, const std::function<void(int)>& body) {
  const int threads = static_cast<int>(threads_.size());
  const auto all = [this](auto is) { return std::all_of(threads_.begin(), threads_.end(), is); };
  at_once_ = order == Order::ascending;
  for (;;) {
    bool ran = false;
    for (int i = 0; i < threads; ++i) ran |= step(order == Order::ascending ? i : threads - 1 - i, body);
    const bool ended = all([](const Thread& t) { return t.done; });
    if (ended && !beside_.empty())
      throw Error(ErrorKind::runtime, "launch", "", "a block ends before the copies into its memory");
    if (ended) return true;
    if (all([](const Thread& t) { return t.wait == Wait::grid; })) return false;
    if (!release() && !ran && !catch_up())
      throw Error(ErrorKind::runtime, "launch", "",
                  "some threads of a block wait at a barrier or shuffle that the others never reach");
  }
}

void Block::pass() {
  for (Thread& t : threads_) t.wait = Wait::nothing;
}

// Runs a thread that need not wait until it must, or ends.
bool Block::step(int thread, const std::function<void(int)>& body) {
  Thread& t = threads_[static_cast<std::size_t>(thread)];
  if (t.done || t.wait != Wait::nothing) return false;
  Fiber& fiber = *fibers_[static_cast<std::size_t>(thread)];
  if (!t.started) {
    t.started = true;
    fiber.start([&body, thread] { body(thread); });
  }
  current_ = thread;
  watch::enter(clocks_, index_, thread, fiber.stack());
  fiber.resume();
  watch::leave();
  t.done = fiber.done();
  return true;
}

// Lets go of the threads whose barrier is complete.
bool Block::release() {
  if (release_warps() || release_conditions()) return true;
  const bool complete =
      std::all_of(threads_.begin(), threads_.end(), [](const Thread& t) { return t.wait == Wait::block; });
  if (!complete) return false;
  for (Thread& t : threads_) t.wait = Wait::nothing;
  clocks_.meet();
  return true;
}

bool Block::release_warps() {
  bool any = false;
  const int count = static_cast<int>(threads_.size());
  for (int first = 0; first < count; first += kWarp) {
    std::uint32_t waiting = 0, wanted = 0;
    for (int lane = 0; lane < kWarp && first + lane < count; ++lane) {
      const Thread& t = threads_[static_cast<std::size_t>(first + lane)];
      if (t.wait != Wait::warp) continue;
      waiting |= 1u << lane;
      wanted |= t.mask;
    }
    if (waiting == 0 || (waiting & wanted) != wanted) continue;
    any = true;
    for (int lane = 0; lane < kWarp; ++lane) {
      if ((waiting >> lane & 1u) == 0) continue;
      Thread& t = threads_[static_cast<std::size_t>(first + lane)];
      t.wait = Wait::nothing;
      if (std::countr_zero(t.mask) == lane) clocks_.meet(first, t.mask);
    }
  }
  return any;
}

bool Block::release_conditions() {
  bool any = false;
  for (Thread& t : threads_)
    if (t.wait == Wait::condition && (*t.ready)()) t.wait = Wait::nothing, any = true;
  return any;
}

// The work beside the threads, when there is nothing else to do.
bool Block::catch_up() {
  const std::vector<std::function<void()>> work = std::move(beside_);
  beside_.clear();
  for (const auto& it : work) it();
  return !work.empty();
}

void Block::wait_until(const std::function<bool()>& ready) {
  if (ready()) return;
  threads_[static_cast<std::size_t>(current_)].ready = &ready;
  wait(Wait::condition);
}

void Block::beside(std::function<void()> work) {
  const watch::Aside here;
  if (at_once_) return work();
  beside_.push_back(std::move(work));
}

void Block::wait(Wait what) {
  const int thread = current_;
  threads_[static_cast<std::size_t>(thread)].wait = what;
  fibers_[static_cast<std::size_t>(thread)]->pause();
  current_ = thread;
}

void Block::barrier() { wait(Wait::block); }

const std::uint64_t* Block::exchange(std::uint32_t mask, std::uint64_t value) {
  Warp& warp = warps_[static_cast<std::size_t>(current_ / kWarp)];
  const int lane = current_ % kWarp;
  std::uint64_t* values = warp.values[warp.turn[lane]++ % 2];
  values[lane] = value;
  threads_[static_cast<std::size_t>(current_)].mask = mask;
  wait(Wait::warp);
  return values;
}

}  // namespace densor::cuda::host
