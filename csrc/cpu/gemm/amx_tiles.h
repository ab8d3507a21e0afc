// The tile registers of AMX, as the GEMM uses them. The surface is the same in amx_model.h, which says what
// the instructions compute.
//
// Tiles 0 to 3 hold 2 x 2 tiles of c (16 x 16 float32), 4 and 5 two of a, 6 and 7 two of b (16 rows of 16
// pairs of bfloat16). All are full: operands are padded with zeros. In memory a tile is 1 KB without gaps.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace densor::cpu {
namespace {

class Tiles {
 public:
  // Gives the calling thread its tiles, about 60 ns; the destructor takes them away again, so that nothing of
  // them outlives a block and the system has less to save.
  Tiles() {
    struct alignas(64) Config {
      std::uint8_t palette, start_row, reserved[14];
      std::uint16_t column_bytes[16];
      std::uint8_t rows[16];
    };
    Config config{};
    config.palette = 1;
    for (int i = 0; i < 8; ++i) config.column_bytes[i] = 64, config.rows[i] = 16;
    fence();  // gcc 12 takes only the first 8 bytes for an operand of the instruction
    _tile_loadconfig(&config);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  // What was written to memory is there for the loads that follow: compilers do not see that they read it.
  static void fence() { asm volatile("" ::: "memory"); }

  template <int T>  // literals: gcc's intrinsics put the number into the name of the register
  static void zero() {
    if constexpr (T == 0) _tile_zero(0);
    if constexpr (T == 1) _tile_zero(1);
    if constexpr (T == 2) _tile_zero(2);
    if constexpr (T == 3) _tile_zero(3);
  }
  template <int T>
  static void load(const void* p) {
    if constexpr (T == 0) _tile_loadd(0, p, 64);
    if constexpr (T == 1) _tile_loadd(1, p, 64);
    if constexpr (T == 2) _tile_loadd(2, p, 64);
    if constexpr (T == 3) _tile_loadd(3, p, 64);
    if constexpr (T == 4) _tile_loadd(4, p, 64);
    if constexpr (T == 5) _tile_loadd(5, p, 64);
    if constexpr (T == 6) _tile_loadd(6, p, 64);
    if constexpr (T == 7) _tile_loadd(7, p, 64);
  }
  template <int T>
  static void store(void* p) {
    if constexpr (T == 0) _tile_stored(0, p, 64);
    if constexpr (T == 1) _tile_stored(1, p, 64);
    if constexpr (T == 2) _tile_stored(2, p, 64);
    if constexpr (T == 3) _tile_stored(3, p, 64);
  }
  // c(I, J) += a(I) b(J).
  template <int I, int J>
  static void dot() {
    if constexpr (I == 0 && J == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (I == 0 && J == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (I == 1 && J == 0) _tile_dpbf16ps(2, 5, 6);
    if constexpr (I == 1 && J == 1) _tile_dpbf16ps(3, 5, 7);
  }
};

}  // namespace
}  // namespace densor::cpu
