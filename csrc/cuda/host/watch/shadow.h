// What was done last to each place in memory, and by whom. A cell stands for four bytes and keeps four
// accesses, those that say most about later ones; one that is crowded out may hide a race, none invents one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "cuda/host/watch.h"

namespace densor::cuda::host::watch {

struct Access {
  std::uint32_t epoch;  // of the launch, between meetings of all blocks; 0: none
  std::uint32_t block, time, code;
  std::uint16_t thread;
  std::uint8_t bytes;  // a bit for each of the cell's
  bool writes : 1, atomic : 1;
};

class Shadow {
 public:
  // Notes the access of `bytes` bytes from `address` on. The first one kept there that is not ordered before
  // it, by what its thread knows, is put in `other`; false: there is none.
  bool note(std::uintptr_t address, std::size_t bytes, const Access& access, const Clocks::Times* known,
            Access& other);
  void forget(std::uintptr_t address, std::size_t bytes);
  // All, where there is much of it.
  void shrink();

 private:
  static constexpr std::size_t kBytes = 4, kCells = 1024, kKept = 4, kMostPages = 4096, kRecent = 256;
  struct Cell {
    Access kept[kKept];
  };
  struct Page {
    Cell cells[kCells];
  };
  struct Recent {
    std::uintptr_t number = 0;
    Page* page = nullptr;
  };

  Cell& cell(std::uintptr_t address);
  static bool note(Cell& cell, const Access& access, const Clocks::Times* known, Access& other);

  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages_;
  Recent recent_[kRecent];
};

}  // namespace densor::cuda::host::watch
