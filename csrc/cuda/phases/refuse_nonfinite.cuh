// A batch is refused where a sum of losses or a gradient is not finite: where its exponent bits are all ones.
// Reads 4 bytes an element of the gradients.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/launchers.h"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

inline constexpr std::uint32_t kExponent = 0x7f800000u;

template <class Bits>
struct Nonfinite {
  Bits exponent;
  __device__ bool operator()(Bits x) const { return (x & exponent) == exponent; }
};

// One thread: there is a sum for each output.
struct RefuseTotals {
  static constexpr PhaseKind kKind = PhaseKind::refuse_totals;
  const double* const* totals;
  std::int64_t count;
  Batch* batch;

  __device__ void operator()(const Place& at) const {
    if (at.first_item() != 0) return;
    for (std::int64_t i = 0; i < count; ++i) {
      const double total = *totals[i];
      if (!(total - total == 0.0)) refuse(batch, Refusal::totals);
    }
  }
};

// A row of blocks has an array.
struct RefuseGradients {
  static constexpr PhaseKind kKind = PhaseKind::refuse_gradients;
  const Values* gradients;
  std::int64_t arrays;
  Batch* batch;

  __device__ void operator()(const Place& at) const {
    const Nonfinite<std::uint32_t> nonfinite{kExponent};
    for (std::int64_t k = at.block_y; k < arrays; k += at.shape.blocks_y)
      for (std::int64_t i = at.first_item(); i < gradients[k].count; i += at.item_stride())
        if (nonfinite(math::as_bits(gradients[k].data[i]))) refuse(batch, Refusal::gradients);
  }
};

}  // namespace densor::cuda
