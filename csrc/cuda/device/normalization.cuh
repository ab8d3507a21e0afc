// What the passes of batch normalization share.
#pragma once

#include "cuda/device/moments.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

// Rows of a block in passes that sum nothing.
inline constexpr std::int64_t kPassRows = 128, kMostPasses = 4096;

inline std::int64_t passes(std::int64_t rows) {
  const std::int64_t wanted = divide_up(rows, kPassRows);
  return wanted < 1 ? 1 : wanted < kMostPasses ? wanted : kMostPasses;
}

__device__ __forceinline__ float value_or(const float* array, std::int64_t j, float otherwise) {
  return array != nullptr ? array[j] : otherwise;
}

}  // namespace densor::cuda
