// Hopper's asynchronous units on the host; what they mean is said in nvidia/tile.cuh. Copies and products run
// as late as the kernel allows, or copies at once: see Block::beside. The sum of an element's sixteen exact
// products is rounded once.
#pragma once

#include <utility>
#include <vector>

#include "platform.cuh"

namespace densor::cuda {

inline bool has_tile_products() { return true; }

inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(static_cast<const char*>(pointer) -
                                    static_cast<const char*>(host::shared_memory()));
}

inline int uniform(int value) { return value; }
template <int kCount>
void give_registers() {}
template <int kCount>
void take_registers() {}

struct alignas(8) Barrier {
  std::int32_t bytes;  // to come
  std::uint16_t missing;
  std::uint16_t arrivals : 15;
  std::uint16_t parity : 1;  // of the phase at hand

  void init(std::uint32_t count) {
    const host::watch::Aside here;
    clocks().init(this);
    bytes = 0;
    missing = static_cast<std::uint16_t>(count);
    arrivals = count & 0x7fffu;
    parity = 0;
  }
  void arrive_if(bool yes) {
    if (yes) arrive(0);
  }
  void arrive_expecting(std::uint32_t count) { arrive(static_cast<std::int32_t>(count)); }
  void wait(std::uint32_t of) {
    host::block().wait_until([this, of] {
      const host::watch::Aside here;
      return parity != of;
    });
    clocks().leave(this, host::block().thread());
  }
  // By a copy that began at this moment.
  void deliver(std::uint32_t count, const host::Clocks::Moment& moment) {
    clocks().arrive(this, moment);
    bytes -= static_cast<std::int32_t>(count);
    turn();
  }

 private:
  static host::Clocks& clocks() { return host::block().clocks(); }

  void arrive(std::int32_t expected) {
    const host::watch::Aside here;
    clocks().arrive(this, host::block().thread());
    bytes += expected;
    --missing;
    turn();
  }
  void turn() {
    if (missing != 0 || bytes != 0) return;
    clocks().turn(this);
    missing = arrivals;
    parity ^= 1u;
  }
};
static_assert(sizeof(Barrier) == 8);

inline void publish_barriers() {}

inline void bulk_load(void* to, const void* from, std::uint32_t bytes, Barrier& barrier) {
  host::Block& block = host::block();
  const host::Clocks::Moment moment = block.clocks().moment(block.thread());
  const host::watch::Aside here;
  block.beside([=, &barrier] {
    std::memcpy(to, from, bytes);
    host::watch::copied(to, from, bytes, moment);
    barrier.deliver(bytes, moment);
  });
}

template <int kRowBytes>
std::uint64_t describe_tile(std::uint32_t at) {
  return at | std::uint64_t{kRowBytes} << 32;
}

template <int kCols>
struct TileProduct {
  float sum[kCols / 2];

  void begin() {}
  void multiply(std::uint64_t of_a, std::uint64_t of_b, bool add) {
    const host::watch::Aside here;
    begun_.push_back({of_a, of_b, add});
  }
  void commit() {
    done_ = running_;
    running_ = begun_.size();
  }
  // A warp waits for the products of all of its lanes.
  void wait_for_others() { run(done_), __syncwarp(); }
  void wait() { run(running_), __syncwarp(); }

 private:
  struct Product {
    std::uint64_t a, b;
    bool add;
  };

  // The first `count` of those begun.
  void run(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) multiply(product(i));
    const host::watch::Aside here;
    begun_.erase(begun_.begin(), begun_.begin() + static_cast<std::ptrdiff_t>(count));
    running_ -= count;
    done_ = 0;
  }
  Product product(std::size_t i) const {
    const host::watch::Aside here;
    return begun_[i];
  }
  // 16 terms of a line of a tile.
  static void load(float (&terms)[16], std::uint64_t tile, int line) {
    const auto at = static_cast<std::uint32_t>(tile), row = static_cast<std::uint32_t>(tile >> 32);
    for (std::uint32_t t = 0; t < 16; ++t) {
      std::uint32_t x = at + static_cast<std::uint32_t>(line) * row + 2 * t;
      x ^= x >> 3 & (row - 16);
      std::uint16_t half = 0;
      std::memcpy(&half, static_cast<const char*>(host::shared_memory()) + x, sizeof half);
      terms[t] = std::bit_cast<float>(std::uint32_t{half} << 16);
    }
  }
  void multiply(const Product& p) {
    const int lane = host::lane(), row = host::block().thread() % 128 / 32 * 16 + lane / 4;
    float a[2][16], b[16];
    load(a[0], p.a, row);
    load(a[1], p.a, row + 8);
    for (int j = 0; j < kCols / 8; ++j)
      for (int c = 0; c < 2; ++c) {
        load(b, p.b, 8 * j + lane % 4 * 2 + c);
        for (int r = 0; r < 2; ++r) {
          float& to = sum[4 * j + 2 * r + c];
          double total = p.add ? static_cast<double>(to) : 0.0;
          for (int t = 0; t < 16; ++t) total += static_cast<double>(a[r][t]) * static_cast<double>(b[t]);
          to = static_cast<float>(total);
        }
      }
  }

  std::vector<Product> begun_;
  std::size_t running_ = 0, done_ = 0;  // of those begun: in groups, in groups but the last
};

}  // namespace densor::cuda
