// Where a row is largest.
#pragma once

#include "cuda/device/team.cuh"
#include "math/exp.h"

namespace densor::cuda {

struct Smallest {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a < b ? a : b; }
};

// The first NaN of a row if there is one, else its first maximum, as in NumPy.
template <class Team>
__device__ inline std::int64_t argmax(const float* x, std::int64_t cols) {
  float peak = -math::kInfinity;
  std::int64_t at = cols;
  each_column<Team>(cols, [&](std::int64_t j) {
    if (at == cols || (peak == peak && !(x[j] <= peak))) peak = x[j], at = j;
  });
  const float of_all = Team::reduce(peak, Largest{});
  const bool has = peak == of_all || (peak != peak && of_all != of_all);
  return Team::reduce(has ? at : cols, Smallest{});
}

}  // namespace densor::cuda
