// What the passes of batch normalization share.
#pragma once

#include <type_traits>

#include "cuda/device/chosen_activation.cuh"
#include "cuda/device/moments.cuh"
#include "cuda/device/rows.cuh"
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

// f(activation) with the object to hand to a kernel; phases have one version for all.
template <class F>
void with_activation_of(const Queue& queue, math::Activation activation, F f) {
  if (queue.phases != nullptr) return f(ChosenActivation{activation});
  with_chosen_activation(activation, f);
}

// The kind of a phase, which is of float32 arrays and has activations of type Known.
template <class T, class A, class Known>
constexpr PhaseKind kind_of_float(PhaseKind kind) {
  return sizeof(T) == sizeof(float) && std::is_same_v<A, Known> ? kind : PhaseKind::none;
}

// The same of the rows that the batch has.
__device__ __forceinline__ math::BatchNorm rows_there(math::BatchNorm p, const Batch* batch) {
  p.rows = rows_of(batch, p.rows);
  return p;
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
