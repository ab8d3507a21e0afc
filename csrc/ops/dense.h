#pragma once

#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"
#include "math/dropout.h"

namespace densor::ops {

// y = activation(x w + bias); x (rows, in), w (in, out), bias (out,) or absent. z receives x w + bias where
// saves_input(activation) and is absent otherwise. The precision of the products, here and in the gradients,
// is cpu::matmul_precision(), or with `bfloat16`, for operands that are rounded anyway, one product of
// bfloat16 numbers; unless `training`, the bits of a row do not depend on the number of rows.
Step dense_forward(const View& y, const View& z, const View& x, const View& w, const View& bias,
                   math::Activation activation, double alpha, bool training, bool bfloat16);

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
// for linear. dx is then (keep ? scale dx : 0) activation'(saved) as `below` says.
Step dense_backward(const View& dx, const View& dw, const View& dbias, const View& dz, const View& dy,
                    const View& saved, const View& x, const View& w, math::Activation activation,
                    double alpha, bool bfloat16, const Below& below);

}  // namespace densor::ops
