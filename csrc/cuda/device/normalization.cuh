// What the passes of batch normalization share.
#pragma once

#include "cuda/device/moments.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

// Rows of a block in passes that sum nothing.
inline constexpr std::int64_t kPassRows = 128, kMostPasses = 4096;
// Blocks of such a pass for which a multiprocessor has registers, if its activation is known.
inline constexpr int kBlocksTogether = 4;

inline std::int64_t passes(std::int64_t rows) {
  const std::int64_t wanted = divide_up(rows, kPassRows);
  return wanted < 1 ? 1 : wanted < kMostPasses ? wanted : kMostPasses;
}

__device__ __forceinline__ float value_or(const float* array, std::int64_t j, float otherwise) {
  return array != nullptr ? array[j] : otherwise;
}

// A column: y = activation(scale (x - mean) + shift).
struct ColumnNorm {
  float mean, scale, shift;

  // lost: by the rounding of the mean.
  __device__ static ColumnNorm of(const math::BatchNorm& p, std::int64_t j, float mean, float variance,
                                  float lost) {
    const math::Normalization<float> n(value_or(p.gamma, j, 1.0f), value_or(p.beta, j, 0.0f),
                                       math::inverse_deviation(variance, p.epsilon), lost);
    return {mean, n.scale, n.shift};
  }
};

}  // namespace densor::cuda
