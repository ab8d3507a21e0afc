// An activation inside another kernel. Kernels are compiled for the two common ones; the others share one
// version, which looks at the choice for every element: it is the same for all threads.
#pragma once

#include "cuda/device/scalar.cuh"

#include "math/activation.h"

namespace densor::cuda {

template <class F, bool kIsLinear>
struct KnownActivation {
  static constexpr bool kLinear = kIsLinear;
  __device__ float value(float x, float alpha) const { return F::value(x, alpha); }
  __device__ float derivative(float saved, float alpha) const { return F::derivative(saved, alpha); }
};

struct ChosenActivation {
  static constexpr bool kLinear = false;
  math::Activation kind;

  __device__ float value(float x, float alpha) const {
    float y = x;
    math::with_activation(kind, [&](auto f) { y = decltype(f)::value(x, alpha); });
    return y;
  }
  __device__ float derivative(float saved, float alpha) const {
    float slope = 1.0f;
    math::with_activation(kind, [&](auto f) { slope = decltype(f)::derivative(saved, alpha); });
    return slope;
  }
};

// One that is linear or relu, for phases: there is one version of each.
struct LinearOrRelu {
  static constexpr bool kLinear = false;
  bool relu;

  __device__ float value(float x, float alpha) const { return relu ? math::Relu::value(x, alpha) : x; }
  __device__ float derivative(float saved, float alpha) const {
    return relu ? math::Relu::derivative(saved, alpha) : 1.0f;
  }
};

// f(activation) with the object to hand to a kernel.
template <class F>
void with_chosen_activation(math::Activation activation, F f) {
  if (activation == math::Activation::linear)
    f(KnownActivation<math::Linear, true>{});
  else if (activation == math::Activation::relu)
    f(KnownActivation<math::Relu, false>{});
  else
    f(ChosenActivation{activation});
}

}  // namespace densor::cuda
