#include <algorithm>

#include "cuda/host/block.h"
#include "cuda/host/watch.h"

namespace densor::cuda::host {

namespace {

std::size_t at(int thread) { return static_cast<std::size_t>(thread); }

void raise(Clocks::Times& times, const Clocks::Times& to) {
  if (times.size() < to.size()) times.resize(to.size(), 0);
  for (std::size_t i = 0; i < to.size(); ++i) times[i] = std::max(times[i], to[i]);
}

}  // namespace

void Clocks::begin(int threads) {
  now_.assign(at(threads), 1);
  known_.assign(at(threads), nullptr);
  barriers_.clear();
}

// What `thread` knows, itself included.
void Clocks::add_to(Times& times, int thread) const {
  if (known_[at(thread)] != nullptr) raise(times, *known_[at(thread)]);
  if (times.size() < now_.size()) times.resize(now_.size(), 0);
  times[at(thread)] = std::max(times[at(thread)], now_[at(thread)]);
}

void Clocks::hear(int thread, const Times& times) {
  auto all = std::make_shared<Times>(times);
  if (known_[at(thread)] != nullptr) raise(*all, *known_[at(thread)]);
  known_[at(thread)] = std::move(all);
}

void Clocks::meet() {
  const auto all = std::make_shared<const Times>(now_);
  for (Known& it : known_) it = all;
  for (std::uint32_t& time : now_) ++time;
}

void Clocks::meet(int first, std::uint32_t lanes) {
  const auto each = [&](auto visit) {
    for (int lane = 0; lane < kWarp; ++lane)
      if ((lanes >> lane & 1u) != 0) visit(at(first + lane));
  };
  auto all = std::make_shared<Times>(now_.size(), 0);
  const Times* last = nullptr;  // lanes know the same where they have met before
  each([&](std::size_t i) {
    if (known_[i] != nullptr && known_[i].get() != last) raise(*all, *(last = known_[i].get()));
  });
  each([&](std::size_t i) { (*all)[i] = now_[i]++; });
  each([&](std::size_t i) { known_[i] = all; });
}

void Clocks::init(const void* barrier) { barriers_[barrier] = {}; }

void Clocks::arrive(const void* barrier, int thread) {
  add_to(barriers_[barrier].arriving, thread);
  ++now_[at(thread)];
}

void Clocks::arrive(const void* barrier, const Moment& moment) {
  raise(barriers_[barrier].arriving, *moment.known);
}

void Clocks::turn(const void* barrier) {
  Barrier& it = barriers_[barrier];
  raise(it.turned, it.arriving);
}

void Clocks::leave(const void* barrier, int thread) { hear(thread, barriers_[barrier].turned); }

Clocks::Moment Clocks::moment(int thread) {
  auto known = std::make_shared<Times>();
  add_to(*known, thread);
  ++now_[at(thread)];
  return {thread, known};
}

std::uint32_t Clocks::time(int thread) const { return now_[at(thread)]; }

const Clocks::Times* Clocks::known(int thread) const { return known_[at(thread)].get(); }

}  // namespace densor::cuda::host
