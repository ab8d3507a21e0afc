// The instructions of an expression: plain data, the same list for every device.
//
// An expression is evaluated for the elements of a matrix (rows, cols), tile by tile, over registers that
// each hold one number per element. Registers [0, constants) hold the constants; instructions write the
// others.
//
//   load        register `to` = operand a. An operand is a matrix (period, width): element (r, c) of the
//               expression reads its row r % period, and column c, or its only column where width = 1.
//   store       output `to` (rows, cols) = register a
//   sum, mean, highest, lowest
//               output `to` (rows, 1) = that of register a over the columns of each row
//   others      register `to` = f(registers a, b, c), of which f takes as many as it needs. Comparisons give
//               1 and 0, and select(a, b, c) is b where a is not 0.
//   activations, slopes
//               f(a, alpha = b) and its derivative by what it saves (activation_kind.h), in register a
#pragma once

#include <cstdint>
#include <string>

#include "math/activation_kind.h"

namespace densor::math {

struct Instruction {
  std::int32_t opcode, to, a, b, c;
};

enum class Opcode : std::int32_t {
  load,
  store,
  sum,
  mean,
  highest,
  lowest,
  negative,
  absolute,
  sign,
  sqrt,
  floor,
  round,
  exp,
  expm1,
  log,
  log1p,
  erf,
  add,
  subtract,
  multiply,
  divide,
  power,
  maximum,
  minimum,
  less,
  less_equal,
  equal,
  select,
  activation,  // + the activation
};

inline constexpr std::int32_t kFirstActivation = static_cast<std::int32_t>(Opcode::activation);
inline constexpr std::int32_t kFirstSlope = kFirstActivation + kActivationCount;
inline constexpr std::int32_t kOpcodeCount = kFirstSlope + kActivationCount;

inline std::string opcode_name(std::int32_t opcode) {
  constexpr const char* names[kFirstActivation] = {
      "load",     "store",   "sum",     "mean",  "highest",    "lowest",   "negative",
      "absolute", "sign",    "sqrt",    "floor", "round",      "exp",      "expm1",
      "log",      "log1p",   "erf",     "add",   "subtract",   "multiply", "divide",
      "power",    "maximum", "minimum", "less",  "less_equal", "equal",    "select"};
  if (opcode < kFirstActivation) return names[opcode];
  if (opcode < kFirstSlope) return activation_name(static_cast<Activation>(opcode - kFirstActivation));
  return std::string(activation_name(static_cast<Activation>(opcode - kFirstSlope))) + "_slope";
}

constexpr bool is_reduction(std::int32_t opcode) {
  return opcode >= static_cast<std::int32_t>(Opcode::sum) &&
         opcode <= static_cast<std::int32_t>(Opcode::lowest);
}

// How many of the registers a, b, c an instruction reads.
constexpr int register_count(std::int32_t opcode) {
  if (opcode == static_cast<std::int32_t>(Opcode::load)) return 0;
  if (opcode < static_cast<std::int32_t>(Opcode::add)) return 1;
  if (opcode == static_cast<std::int32_t>(Opcode::select)) return 3;
  return 2;
}

}  // namespace densor::math
