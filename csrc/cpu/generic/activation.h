// Activations with an optional bias, and their backward pass. forward reads 4 bytes an element and writes 4
// (8 with z); backward reads 8 and writes 4.
#pragma once

#include "cpu/kernels.h"
#include "math/activation.h"

namespace densor::cpu {
namespace {

template <class A>
void activate_row(float* y, float* z, const float* x, const float* bias, std::int64_t cols, Vec alpha) {
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes) {
    Vec v = Vec::load(x + j);
    if (bias != nullptr) v = v + Vec::load(bias + j);
    if (z != nullptr) v.store(z + j);
    A::value(v, alpha).store(y + j);
  }
  if (const int rest = static_cast<int>(cols - j); rest > 0) {
    Vec v = Vec::load_first(x + j, rest);
    if (bias != nullptr) v = v + Vec::load_first(bias + j, rest);
    if (z != nullptr) v.store_first(z + j, rest);
    A::value(v, alpha).store_first(y + j, rest);
  }
}

void activation_forward(float* y, float* z, const float* x, const float* bias, std::int64_t rows,
                        std::int64_t cols, std::int64_t ldy, std::int64_t ldz, std::int64_t ldx,
                        math::Activation activation, float alpha) {
  math::with_activation(activation, [=](auto kind) {
    for (std::int64_t i = 0; i < rows; ++i)
      activate_row<decltype(kind)>(y + i * ldy, z != nullptr ? z + i * ldz : nullptr, x + i * ldx, bias, cols,
                                   Vec(alpha));
  });
}

template <class A>
void activate_row_backward(float* dz, const float* dy, const float* saved, std::int64_t cols, Vec alpha) {
  std::int64_t j = 0;
  for (; j + kLanes <= cols; j += kLanes)
    (Vec::load(dy + j) * A::derivative(Vec::load(saved + j), alpha)).store(dz + j);
  if (const int rest = static_cast<int>(cols - j); rest > 0)
    (Vec::load_first(dy + j, rest) * A::derivative(Vec::load_first(saved + j, rest), alpha))
        .store_first(dz + j, rest);
}

void activation_backward(float* dz, const float* dy, const float* saved, std::int64_t rows, std::int64_t cols,
                         std::int64_t lddz, std::int64_t lddy, std::int64_t ldsaved,
                         math::Activation activation, float alpha) {
  if (activation == math::Activation::linear) {
    saved = dy;  // read and not used
    ldsaved = lddy;
  }
  math::with_activation(activation, [=](auto kind) {
    for (std::int64_t i = 0; i < rows; ++i)
      activate_row_backward<decltype(kind)>(dz + i * lddz, dy + i * lddy, saved + i * ldsaved, cols,
                                            Vec(alpha));
  });
}

void fill_activation(Kernels& k) {
  k.activation_forward = activation_forward;
  k.activation_backward = activation_backward;
}

}  // namespace
}  // namespace densor::cpu
