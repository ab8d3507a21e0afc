// Activations with an optional bias, and their backward pass. forward reads 4 bytes an element and writes 4
// (8 with z); backward reads 8 and writes 4; of bfloat16 arrays half as many.
#pragma once

#include <type_traits>

#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/activation.h"

namespace densor::cpu {
namespace {

template <class A>
inline constexpr bool kShort =
    std::is_same_v<A, math::Linear> || std::is_same_v<A, math::Relu> || std::is_same_v<A, math::LeakyRelu>;

// Keeps the compiler from making a loop of a long formula for every answer to "is it null?".
template <class A, class T>
void hide(T*& p) {
  if constexpr (!kShort<A>) asm("" : "+r"(p));
}

template <class A, class T, class X>
void activate_row(T* y, T* z, const X* x, const float* bias, std::int64_t cols, Vec alpha) {
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    hide<A>(bias);
    hide<A>(z);
    Vec v = load(x + j, n);
    if (bias != nullptr) v = v + load(bias + j, n);
    if (z != nullptr) round_lanes(z + j, n, v);
    round_lanes(y + j, n, A::value(v, alpha));
  });
}

template <class T, class X>
void activation_forward(T* y, T* z, const X* x, const float* bias, std::int64_t rows, std::int64_t cols,
                        std::int64_t ldy, std::int64_t ldz, std::int64_t ldx, math::Activation activation,
                        float alpha) {
  math::with_activation(activation, [=](auto kind) {
    for (std::int64_t i = 0; i < rows; ++i)
      activate_row<decltype(kind)>(y + i * ldy, z != nullptr ? z + i * ldz : nullptr, x + i * ldx, bias, cols,
                                   Vec(alpha));
  });
}

template <class A, class T>
void activate_row_backward(T* dz, const T* dy, const T* saved, std::int64_t cols, Vec alpha) {
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    round_lanes(dz + j, n, load(dy + j, n) * A::derivative(load(saved + j, n), alpha));
  });
}

template <class T>
void activation_backward(T* dz, const T* dy, const T* saved, std::int64_t rows, std::int64_t cols,
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

template <class T>
void fill_activation(StoredKernels<T>& k) {
  k.activation = {activation_forward<T, T>, activation_forward<T, float>, activation_backward<T>};
}

}  // namespace
}  // namespace densor::cpu
