#pragma once

#include <cstdint>
#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Evaluates a list of instructions (math/expression_kind.h) for the elements of a matrix (rows, cols).
// outputs: (rows, cols) where stored, (rows, 1) where reduced; no output overlaps anything else.
// operands: (period, cols) or (period, 1), with a period that divides the rows.
// code: int32 (instructions, 5): opcode, to, a, b, c. constants: (count,), in the first registers.
// Every register is written before it is read, every output written once.
Step expression(const std::vector<View>& outputs, const std::vector<View>& operands, const View& code,
                const View& constants, std::int64_t rows, std::int64_t cols);

}  // namespace densor::ops
