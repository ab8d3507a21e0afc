#include "cuda/host/watch/shadow.h"

#include <algorithm>

namespace densor::cuda::host::watch {

namespace {

bool same_thread(const Access& a, const Access& b) { return a.block == b.block && a.thread == b.thread; }

bool is_ordered(const Access& before, const Access& access, const Clocks::Times* known) {
  if (before.epoch != access.epoch || same_thread(before, access)) return true;
  return before.block == access.block && known != nullptr && before.time <= (*known)[before.thread];
}

bool conflict(const Access& a, const Access& b) {
  return (a.bytes & b.bytes) != 0 && (a.writes || b.writes) && !(a.atomic && b.atomic);
}

// Whoever is ordered behind `later` and not behind `before` would be found out by `later` as well.
bool says_less(const Access& before, const Access& later) {
  return (before.bytes & ~later.bytes) == 0 && (later.writes || !before.writes) &&
         (before.atomic || !later.atomic);
}

}  // namespace

bool Shadow::note(Cell& cell, const Access& access, const Clocks::Times* known, Access& other) {
  bool race = false;
  Access* room = nullptr;
  for (Access& it : cell.kept) {
    const bool ordered = is_ordered(it, access, known);
    if (!ordered && !race && conflict(it, access)) race = true, other = it;
    if (it.epoch != access.epoch || (ordered && says_less(it, access))) it.epoch = 0, room = &it;
  }
  if (room == nullptr) room = &cell.kept[(access.code ^ access.time ^ access.thread) % kKept];
  *room = access;
  return race;
}

bool Shadow::note(std::uintptr_t address, std::size_t bytes, const Access& access, const Clocks::Times* known,
                  Access& other) {
  bool race = false;
  for (const std::uintptr_t end = address + bytes; address < end;) {
    const std::uintptr_t begin = address % kBytes, next = std::min(address - begin + kBytes, end);
    Access part = access;
    part.bytes = static_cast<std::uint8_t>(((1u << (next - address)) - 1u) << begin);
    Access found{};
    if (note(cell(address), part, known, found) && !race) race = true, other = found;
    address = next;
  }
  return race;
}

void Shadow::forget(std::uintptr_t address, std::size_t bytes) {
  const std::uintptr_t end = address + bytes;
  for (address -= address % kBytes; address < end; address += kBytes)
    if (pages_.contains(address / (kBytes * kCells))) cell(address) = {};
}

void Shadow::shrink() {
  if (pages_.size() < kMostPages) return;
  pages_.clear();
  std::fill(std::begin(recent_), std::end(recent_), Recent{});
}

Shadow::Cell& Shadow::cell(std::uintptr_t address) {
  const std::uintptr_t number = address / (kBytes * kCells);
  Recent& recent = recent_[number % kRecent];
  if (recent.page == nullptr || recent.number != number) {
    std::unique_ptr<Page>& page = pages_[number];
    if (page == nullptr) page = std::make_unique<Page>();
    recent = {number, page.get()};
  }
  return recent.page->cells[address / kBytes % kCells];
}

}  // namespace densor::cuda::host::watch
