#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"
#include "math/dropout.h"

namespace densor::ops {

// Half-words of noise below it drop an element.
std::uint32_t dropout_threshold(double rate);
math::DropoutKind dropout_kind(const char* function, const char* argument, const std::string& name);

// On a device x, y, dx and dy may be bfloat16, both arrays of a step: results are rounded once.

// y = keep ? scale x + shift : dropped (math/dropout.h), both (rows, cols), and the mask uint16
// (rows, ceil(cols / 16)) of what was kept; y may be x. 0 <= rate < 1. The noise depends on seed, stream, the
// step being run, row and column. positive: x is the output of relu, and the mask, for which its derivative
// need not be read again, has only what is above zero.
Step dropout_forward(const View& y, const View& mask, const View& x, double rate, math::DropoutKind kind,
                     std::uint64_t seed, std::uint32_t stream, bool positive);

// The same with noise that several elements share. A row of x has the axes `shape`; its noise has the axes
// `noise_shape`, each of the same size or 1. shared_rows: all rows have the noise of the first.
struct SpreadNoise {
  std::vector<std::int64_t> shape, noise_shape;
  bool shared_rows;
};
Step dropout_spread(const View& y, const View& mask, const View& x, double rate, math::DropoutKind kind,
                    std::uint64_t seed, std::uint32_t stream, const SpreadNoise& spread);

// Of dropout in the pass of another op, behind an activation of results (rows, cols); nothing without a mask.
void check_fused_dropout(const Check& check, const View& mask, double rate, std::int64_t rows,
                         std::int64_t cols, math::Activation activation);

// dx = keep ? scale dy : 0; dx may be dy.
Step dropout_backward(const View& dx, const View& dy, const View& mask, double rate, math::DropoutKind kind);

}  // namespace densor::ops
