// y = activation(x) and dz = dy activation'(saved); 8 and 12 bytes an element. `saved` is the input where
// saves_input(activation), else the output.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/phases/batch.cuh"
#include "math/activation.h"

namespace densor::cuda {

struct ActivationForward {
  static constexpr PhaseKind kKind = PhaseKind::activation_forward;
  float* y;
  const float* x;
  std::int64_t n;
  float alpha;
  math::Activation activation;
  const Batch* batch;

  template <class F>
  __device__ void run(const Place& at) const {
    if (y == x && refused(batch)) return;  // a constraint of weights
    for (std::int64_t i = at.first_item(); i < n; i += at.item_stride()) y[i] = F::value(x[i], alpha);
  }
  __device__ void operator()(const Place& at) const {
    math::with_activation(activation, [&](auto f) { run<decltype(f)>(at); });
  }
};

struct ActivationBackward {
  static constexpr PhaseKind kKind = PhaseKind::activation_backward;
  float* dz;
  const float *dy, *saved;
  std::int64_t n;
  float alpha;
  math::Activation activation;

  template <class F>
  __device__ void run(const Place& at) const {
    for (std::int64_t i = at.first_item(); i < n; i += at.item_stride())
      dz[i] = dy[i] * F::derivative(saved[i], alpha);
  }
  __device__ void operator()(const Place& at) const {
    math::with_activation(activation, [&](auto f) { run<decltype(f)>(at); });
  }
};

}  // namespace densor::cuda
