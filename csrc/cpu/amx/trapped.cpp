// Runs the code of the amx target on a CPU that lacks AMX, for tests: a tile instruction is illegal there,
// and the handler of that signal carries it out as the pseudo code of the Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 2, reads; scalar, and by nothing that amx_model.h uses. An instruction
// that would fault on AMX (tiles without configuration, or of other shapes) ends the process.
#include <sys/ucontext.h>

#include <array>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "cpu/amx/probe.h"

namespace densor::cpu {

namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "densor: a tile instruction would fault: %s\n", what);
  std::abort();
}

#define DENSOR_TRAPPED __attribute__((target("avx2,fma")))

// Denormals are read, and left, as zero.
DENSOR_TRAPPED inline float flushed(float x) {
  return std::abs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x;
}
DENSOR_TRAPPED inline float multiply_add(float a, float b, float c) {
  return flushed(__builtin_fmaf(flushed(a), flushed(b), flushed(c)));
}
DENSOR_TRAPPED inline float add(float a, float b) { return flushed(flushed(a) + flushed(b)); }

struct Shape {
  unsigned rows = 0, bytes = 0;  // of a row
};

// The tile registers of the calling thread.
struct TileFile {
  std::array<Shape, 8> shapes{};
  alignas(64) std::uint8_t rows[8][16][64];

  // What a 64-byte operand says; null: no tiles.
  void configure(const std::uint8_t* operand) {
    std::memset(rows, 0, sizeof rows);
    shapes = {};
    if (operand == nullptr || operand[0] == 0) return;
    bool reserved = operand[0] != 1 || operand[1] != 0;
    for (int i = 2; i < 16; ++i) reserved |= operand[i] != 0;
    for (int i = 32; i < 48; ++i) reserved |= operand[i] != 0;
    for (int i = 56; i < 64; ++i) reserved |= operand[i] != 0;
    if (reserved) fail("a configuration with reserved bytes");
    for (unsigned i = 0; i < 8; ++i) {
      std::uint16_t bytes;
      std::memcpy(&bytes, operand + 16 + 2 * i, sizeof bytes);
      shapes[i] = {operand[48 + i], bytes};
      if (bytes > 64 || shapes[i].rows > 16 || (bytes == 0) != (shapes[i].rows == 0))
        fail("a configuration of shapes that there are not");
    }
  }
  const Shape& shape(unsigned tile) const {
    if (tile >= 8 || shapes[tile].rows == 0 || shapes[tile].bytes % 4 != 0)
      fail("a tile without configuration");
    return shapes[tile];
  }
  void load(unsigned tile, const std::uint8_t* memory, std::int64_t stride) {
    const Shape s = shape(tile);
    std::memset(rows[tile], 0, sizeof rows[tile]);
    for (unsigned i = 0; i < s.rows; ++i) std::memcpy(rows[tile][i], memory + i * stride, s.bytes);
  }
  void store(unsigned tile, std::uint8_t* memory, std::int64_t stride) const {
    const Shape s = shape(tile);
    for (unsigned i = 0; i < s.rows; ++i) std::memcpy(memory + i * stride, rows[tile][i], s.bytes);
  }
  void zero(unsigned tile) {
    shape(tile);
    std::memset(rows[tile], 0, sizeof rows[tile]);
  }

  // TDPBF16PS.
  DENSOR_TRAPPED void multiply(unsigned c, unsigned a, unsigned b) {
    const Shape sc = shape(c), sa = shape(a), sb = shape(b);
    if (a == b || a == c || b == c || sc.bytes != sb.bytes || sc.rows != sa.rows || sa.bytes / 4 != sb.rows)
      fail("a product of tiles that do not fit");
    for (unsigned m = 0; m < sc.rows; ++m) {
      float even[16]{}, odd[16]{}, sums[16];
      for (unsigned k = 0; k < sb.rows; ++k) {
        for (unsigned n = 0; n < sc.bytes / 4; ++n) {
          even[n] = multiply_add(bfloat16(a, m, 2 * k), bfloat16(b, k, 2 * n), even[n]);
          odd[n] = multiply_add(bfloat16(a, m, 2 * k + 1), bfloat16(b, k, 2 * n + 1), odd[n]);
        }
      }
      std::memcpy(sums, rows[c][m], sizeof sums);
      for (unsigned n = 0; n < sc.bytes / 4; ++n) sums[n] = add(sums[n], add(even[n], odd[n]));
      std::memcpy(rows[c][m], sums, sizeof sums);
    }
  }

 private:
  DENSOR_TRAPPED float bfloat16(unsigned tile, unsigned row, unsigned i) const {
    std::uint16_t bits;
    std::memcpy(&bits, rows[tile][row] + 2 * i, sizeof bits);
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
  }
};

thread_local TileFile t_tiles;

// One instruction with a three-byte VEX prefix of the map 0F38, as all of AMX are.
class Instruction {
 public:
  Instruction(const std::uint8_t* at, const greg_t* registers) : at_(at), registers_(registers) {
    mode_ = modrm() >> 6;
    next_ = at_ + 5;
    if (known() && mode_ != 3) find_operand();
  }

  bool known() const {
    return at_[0] == 0xc4 && (at_[1] & 0x1f) == 2 && (at_[2] & 0x84) == 0 &&
           (at_[3] == 0x49 || at_[3] == 0x4b || at_[3] == 0x5c);
  }
  bool run(TileFile& tiles) const {
    const unsigned key = at_[3] * 4u + (at_[2] & 3u);  // opcode, and what stands for a prefix
    const bool memory = mode_ != 3;
    if (key == 0x49 * 4 + 0 && memory)
      tiles.configure(operand_);
    else if (key == 0x49 * 4 + 0 && modrm() == 0xc0)
      tiles.configure(nullptr);
    else if (key == 0x49 * 4 + 3 && !memory)
      tiles.zero(reg());
    else if (key == 0x4b * 4 + 3 && memory)
      tiles.load(reg(), operand_, stride_);
    else if (key == 0x4b * 4 + 2 && memory)
      tiles.store(reg(), operand_, stride_);
    else if (key == 0x5c * 4 + 2 && !memory)
      tiles.multiply(reg(), modrm() & 7u, ~(at_[2] >> 3) & 15u);
    else
      return false;
    return true;
  }
  const std::uint8_t* next() const { return next_; }

 private:
  unsigned modrm() const { return at_[4]; }
  unsigned reg() const { return modrm() >> 3 & 7; }

  // Base, index times scale, and displacement.
  void find_operand() {
    const unsigned extend_base = ~(at_[1] >> 5) & 1u, extend_index = ~(at_[1] >> 6) & 1u;
    unsigned base = modrm() & 7;
    const bool has_sib = base == 4;
    if (has_sib) {
      const unsigned sib = *next_++, index = (sib >> 3 & 7) + 8 * extend_index;
      base = sib & 7;
      if (index != 4) stride_ = value(index) << (sib >> 6);
    }
    std::int64_t address = 0, displacement = 0;
    const bool no_base = mode_ == 0 && base == 5;
    if (!no_base) address = value(base + 8 * extend_base);
    if (mode_ == 1) displacement = static_cast<std::int8_t>(*next_++);
    if (mode_ == 2 || no_base) {
      std::int32_t wide;
      std::memcpy(&wide, next_, sizeof wide);
      displacement = wide;
      next_ += 4;
    }
    if (no_base && !has_sib) address = reinterpret_cast<std::int64_t>(next_);
    operand_ = reinterpret_cast<std::uint8_t*>(address + displacement + (at_[3] == 0x49 ? stride_ : 0));
  }
  std::int64_t value(unsigned number) const {
    constexpr int kOrder[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers_[kOrder[number]];
  }

  const std::uint8_t *at_, *next_;
  const greg_t* registers_;
  unsigned mode_;
  std::uint8_t* operand_ = nullptr;
  std::int64_t stride_ = 0;
};

void carry_out(int, siginfo_t*, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction instruction(reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]), registers);
  if (!instruction.known() || !instruction.run(t_tiles)) {
    std::signal(SIGILL, SIG_DFL);  // runs into it again
    return;
  }
  registers[REG_RIP] = reinterpret_cast<greg_t>(instruction.next());
}

}  // namespace

bool cpu_has_amx() { return true; }
bool system_saves_tiles() { return true; }

std::string ask_for_tiles() {
  struct sigaction action{};
  action.sa_sigaction = carry_out;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
  return "";
}

std::string amx_units() { return "AMX, bfloat16 (carried out by a signal handler)"; }

}  // namespace densor::cpu
