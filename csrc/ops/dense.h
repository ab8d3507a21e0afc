#pragma once

#include "core/check.h"
#include "core/step.h"
#include "core/view.h"
#include "cpu/gemm/packed_weights.h"
#include "math/activation_kind.h"
#include "math/dropout.h"

namespace densor::ops {

// What batch normalization wants to know of y, on a device: of each column in parts of
// dense_sums().moment_rows rows, the last one shorter, the mean of what is left without the part's first row,
// and the sum of squared deviations from it. The activation is linear or relu.
struct DenseMoments {
  View parts;            // (2, parts, out), or absent
  bool rounded = false;  // of y rounded to bfloat16
};

// What is left of y, on a device, behind an activation that is linear or relu: y = keep ? scale y : 0. rate,
// seed and stream are those of dropout_forward; the mask (rows, ceil(out / 16)) receives what passes dropout
// and relu. The moments are those of what is left.
struct DenseDropout {
  View mask;  // or absent: everything
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

// On a device whose matrix units multiply bfloat16 numbers (device_reads_halves), x, w, dy may be such, all
// of them, and with them dx, and y with z: products are summed in float32, activations are those of the
// sums, and the results are rounded once. On a CPU with matrix units the same of x, dy, and of y and dx where
// cpu_writes_halves of the inputs, or of the units, and no activation but linear and relu is on the way; w is
// float32.

// y = activation(x w + bias); x (rows, in), w (in, out), bias (out,) or absent. z receives x w + bias; it
// is absent unless saves_input(activation), or where no gradient is wanted. The precision of the products,
// here and in the gradients, is cpu::matmul_precision(), or with `bfloat16`, for operands that are rounded
// anyway, one product of bfloat16 numbers; unless `training`, the bits of a row do not depend on the number
// of rows. `packed`, or absent: w as dense_pack packs it forward, at the time of the product.
Step dense_forward(const View& y, const View& z, const View& x, const View& w, const View& bias,
                   math::Activation activation, double alpha, bool training, bool bfloat16,
                   const DenseMoments& moments, const View& packed, const DenseDropout& dropout);

// What the products on the device in use can tell of their results in training, with the precision as above;
// `halves`: x, w and dy are bfloat16 arrays.
struct DenseSums {
  std::int64_t moment_rows, square_sums;  // 0: nothing
};
DenseSums dense_sums(std::int64_t rows, std::int64_t inputs, std::int64_t units, bool bfloat16, bool halves);

// What stands between this layer and the dz of the one below, from which x came: dropout with the mask uint16
// (rows, ceil(in / 16)), unless that is absent, of an activation that saved (rows, in), absent for linear.
struct Below {
  View mask;
  double rate = 0;
  math::DropoutKind kind = math::DropoutKind::inverted;
  View saved;
  math::Activation activation = math::Activation::linear;
  double alpha = 0;
};

// dz = dy activation'(saved); dx = dz w^T, dw = x^T dz, dbias = column sums of dz; dx, dw, dbias may be
// absent. Gradients are overwritten. dz (rows, out) is scratch memory and may be dy; dz and saved are absent
// for linear. dx is then (keep ? scale dx : 0) activation'(saved) as `below` says. `squares`, float64
// (dense_sums().square_sums,), on a device, or absent: what adds up to the sum of squares of dw. `packed`, or
// absent: w as dense_pack packs it backward, at the time of the product.
Step dense_backward(const View& dx, const View& dw, const View& dbias, const View& dz, const View& dy,
                    const View& saved, const View& x, const View& w, math::Activation activation,
                    double alpha, bool bfloat16, const Below& below, const View& squares, const View& packed);

// A product with weights w (inputs, units): x w of `rows` rows, or dz w^T.
struct DenseProduct {
  std::int64_t rows, inputs, units;
  bool backward = false, training = false, bfloat16 = false;  // as for dense_forward and dense_backward
};
// How many bfloat16 terms of a weight the product reads on the CPU target in use; 0: it is by multiply-adds.
int dense_terms(const DenseProduct& product);
// Bytes of one form of packed weights.
std::int64_t dense_packed_bytes(std::int64_t inputs, std::int64_t units, std::int64_t terms);
// The form in an array uint8 (dense_packed_bytes(),) at a multiple of 64; absent where that is.
cpu::PackedForm read_packed(const Check& check, const char* argument, const View& packed, std::int64_t inputs,
                            std::int64_t units, std::int64_t terms);
// Whether dense layers read bfloat16 arrays on the CPU target in use; and whether they write them, where an
// element is a sum of so many terms, which must be added up in one pass.
bool cpu_reads_halves();
bool cpu_writes_halves(std::int64_t terms);
// Packs w into the forms that are present.
Step dense_pack(const View& forward, const View& backward, const View& w, std::int64_t terms);

}  // namespace densor::ops
