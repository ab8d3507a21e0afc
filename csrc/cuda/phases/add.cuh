// y = a + b; 12 bytes an element.
#pragma once

#include "cuda/device/phase.cuh"

namespace densor::cuda {

struct Add {
  static constexpr PhaseKind kKind = PhaseKind::add;
  float* y;
  const float *a, *b;
  std::int64_t n;

  __device__ void operator()(const Place& at) const {
    for (std::int64_t i = at.first_item(); i < n; i += at.item_stride()) y[i] = a[i] + b[i];
  }
};

}  // namespace densor::cuda
