// y = activation(x) and dz = dy activation'(saved); 8 and 12 bytes an element, of bfloat16 numbers half of
// that. `saved` is the input where saves_input(activation), else the output. T: of all arrays.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/half.cuh"
#include "cuda/phases/batch.cuh"
#include "math/activation.h"

namespace densor::cuda {

template <class T>
struct ActivationForward {
  static constexpr PhaseKind kKind =
      sizeof(T) == sizeof(float) ? PhaseKind::activation_forward : PhaseKind::none;
  T* y;
  const T* x;
  std::int64_t n;
  float alpha;
  math::Activation activation;
  const Batch* batch;

  template <class F>
  __device__ void run(const Place& at) const {
    if (y == x && refused(batch)) return;  // a constraint of weights
    for (std::int64_t i = at.first_item(); i < n; i += at.item_stride())
      put(y + i, F::value(to_float(x[i]), alpha));
  }
  __device__ void operator()(const Place& at) const {
    math::with_activation(activation, [&](auto f) { run<decltype(f)>(at); });
  }
};

template <class T>
struct ActivationBackward {
  static constexpr PhaseKind kKind =
      sizeof(T) == sizeof(float) ? PhaseKind::activation_backward : PhaseKind::none;
  T* dz;
  const T *dy, *saved;
  std::int64_t n;
  float alpha;
  math::Activation activation;

  template <class F>
  __device__ void run(const Place& at) const {
    for (std::int64_t i = at.first_item(); i < n; i += at.item_stride())
      put(dz + i, to_float(dy[i]) * F::derivative(to_float(saved[i]), alpha));
  }
  __device__ void operator()(const Place& at) const {
    math::with_activation(activation, [&](auto f) { run<decltype(f)>(at); });
  }
};

}  // namespace densor::cuda
