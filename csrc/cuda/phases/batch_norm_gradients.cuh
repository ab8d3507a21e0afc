// Gradients of batch normalization with a fused activation and dropout. Batches of one part of rows take one
// phase, whose second look at the rows finds them in the L1 cache. Of larger ones a phase reads the rows for
// their sums, one puts the parts together and one reads the rows again. Phases of float32 arrays have one
// version for all activations, and one where dropout has left a mask.
#pragma once

#include "cuda/device/noise.cuh"
#include "cuda/device/normalization.cuh"
#include "cuda/phases/batch.cuh"
#include "math/bf16_split.h"

namespace densor::cuda {

using math::BatchNorm;

// What a backward pass reads, and dx, which may be one of them or null.
template <class T>
struct BatchNormArrays {
  T* dx;
  const T *dy, *x, *y;
  PassedGradient passed;
  bool pairs;
};

// In the place of an activation: the mask has what it and dropout let pass.
struct Masked {};

template <class T, class A>
constexpr PhaseKind kind_by_gradient(PhaseKind chosen, PhaseKind masked) {
  return std::is_same_v<A, Masked> ? kind_of_float<T, A, Masked>(masked)
                                   : kind_of_float<T, A, ChosenActivation>(chosen);
}

// Of dy, by dropout and activation. bits: of the mask, from its column on.
__device__ __forceinline__ float passed_gradient(const PassedGradient& passed, float dy, unsigned bits) {
  const float dx = (bits & 1) != 0 ? dy * passed.scale : 0.0f;
  return passed.rounded ? math::bf16_round(dx) : dx;
}

template <class V, class A>
__device__ __forceinline__ void multiply(V& dy, const A& activation, const V& y, float alpha) {
#pragma unroll
  for (int k = 0; k < static_cast<int>(sizeof dy / sizeof(float)); ++k)
    dy.of[k] *= activation.derivative(y.of[k], alpha);
}

// The gradient behind the activation and u = x - mean, of the rows of a group; 0 behind the last.
template <class T, class Group>
struct RowsAhead {
  Abreast<T> dz[Group::kCount], u[Group::kCount];

  template <class A>
  __device__ RowsAhead(const WideTile<T>& tile, [[maybe_unused]] const A& activation,
                       const BatchNormArrays<T>& a, const Abreast<T>& mean, const Group& group,
                       const BatchNorm& p) {
#pragma unroll
    for (int r = 0; r < Group::kCount; ++r) {
      const std::int64_t at = group.row(r) * p.ld + tile.column;
      const bool there = group.has(tile, r);
      dz[r] = load_if(there, a.dy + at, tile.pairs);
      u[r] = load_if(there, a.x + at, tile.pairs);
#pragma unroll
      for (int k = 0; k < kAbreast<T>; ++k) u[r].of[k] = there ? u[r].of[k] - mean.of[k] : 0.0f;
      if constexpr (std::is_same_v<A, Masked>) {
        const std::int64_t word = group.row(r) * math::mask_words(p.cols) + tile.column / kNoiseLanes;
        const unsigned bits = there ? a.passed.mask[word] >> tile.column % kNoiseLanes : 0;
#pragma unroll
        for (int k = 0; k < kAbreast<T>; ++k) dz[r].of[k] = passed_gradient(a.passed, dz[r].of[k], bits >> k);
      } else if constexpr (!A::kLinear) {
        if (there) multiply(dz[r], activation, load(a.y + at, tile.pairs), p.alpha);
      }
    }
  }
};

// Sums over the rows of the part for every thread of its columns; with a scale, dx = scale dz on the way.
// Where half as many threads have them, each has twice as many rows on their way.
template <bool kScaled, class T, class A>
__device__ Abreast<T, math::GradientSums<float>> tile_sums(const WideTile<T>& tile, const A& activation,
                                                           const BatchNormArrays<T>& a,
                                                           const Abreast<T>& mean, const Abreast<T>& scale,
                                                           const BatchNorm& p) {
  float sum[3 * kAbreast<T>] = {};
  each_group<T, kRowsAhead * kAbreast<T>>(tile, [&]<class Group>(const Group& group) {
    RowsAhead<T, Group> rows(tile, activation, a, mean, group, p);
#pragma unroll
    for (int r = 0; r < Group::kCount; ++r) {
#pragma unroll
      for (int k = 0; k < kAbreast<T>; ++k) {
        float *mine = sum + 3 * k, &dz = rows.dz[r].of[k];
        mine[0] += dz;
        mine[1] = math::fma(dz, rows.u[r].of[k], mine[1]);
        mine[2] += rows.u[r].of[k];
        if (kScaled) dz *= scale.of[k];
      }
      if (kScaled && tile.inside && group.has(tile, r))
        store(a.dx + group.row(r) * p.ld + tile.column, rows.dz[r], tile.pairs);
    }
  });
  add_warps(tile, sum);
  Abreast<T, math::GradientSums<float>> total;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) total.of[k] = {sum[3 * k], sum[3 * k + 1], sum[3 * k + 2]};
  return total;
}

// dx = scale dz + slope u + shift.
struct InputFactors {
  float scale, slope, shift;
};

template <class T, class A>
__device__ void input_gradient(const WideTile<T>& tile, const A& activation, const BatchNormArrays<T>& a,
                               const Abreast<T>& mean, const Abreast<T, InputFactors>& factors,
                               const BatchNorm& p) {
  if (!tile.inside) return;
  each_group<T, kRowsAhead>(tile, [&]<class Group>(const Group& group) {
    const RowsAhead<T, Group> rows(tile, activation, a, mean, group, p);
#pragma unroll
    for (int r = 0; r < Group::kCount; ++r) {
      if (!group.has(tile, r)) continue;
      Abreast<T> dx;
#pragma unroll
      for (int k = 0; k < kAbreast<T>; ++k) {
        const InputFactors& f = factors.of[k];
        dx.of[k] = math::fma(rows.dz[r].of[k], f.scale, math::fma(rows.u[r].of[k], f.slope, f.shift));
      }
      store(a.dx + group.row(r) * p.ld + tile.column, dx, tile.pairs);
    }
  });
}

__device__ __forceinline__ math::NormalizationGradient<float> gradient(const math::GradientSums<float>& sums,
                                                                       const float* variance, std::int64_t j,
                                                                       const BatchNorm& p) {
  return math::NormalizationGradient<float>(sums, value_or(p.gamma, j, 1.0f),
                                            math::inverse_deviation(variance[j], p.epsilon),
                                            static_cast<float>(p.rows));
}

// array[j] for the columns j of a thread.
template <class T>
__device__ __forceinline__ Abreast<T> of_columns(const WideTile<T>& tile, const float* array) {
  Abreast<T> values;
#pragma unroll
  for (int k = 0; k < kAbreast<T>; ++k) values.of[k] = array[tile.at(k)];
  return values;
}

// All of backward, for one part.
template <class T, class A>
struct BatchNormBackward {
  static constexpr PhaseKind kKind =
      kind_by_gradient<T, A>(PhaseKind::batch_norm_backward, PhaseKind::batch_norm_backward_masked);
  A activation;
  BatchNormArrays<T> a;
  float *dgamma, *dbeta;
  const float *means, *variance;
  BatchNorm all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = rows_there(all, batch);
    const WideTile<T> tile(at, a.pairs, p.rows, p.cols);
    const Abreast<T> mean = of_columns(tile, means);
    const auto sums = tile_sums<false>(tile, activation, a, mean, {}, p);
    Abreast<T, InputFactors> factors;
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k) {
      const std::int64_t j = tile.at(k);
      const auto g = gradient(sums.of[k], variance, j, p);
      factors.of[k] = {g.scale, g.slope, g.shift};
      if (!tile.first() || !tile.has(k)) continue;
      if (dgamma != nullptr) dgamma[j] = g.dgamma;
      if (dbeta != nullptr) dbeta[j] = sums.of[k].dz;
    }
    if (a.dx != nullptr) input_gradient(tile, activation, a, mean, factors, p);
  }
};

// part_sums (parts, 3, cols). kInference: dx, if there is one, is written on the way.
template <bool kInference, class T, class A>
struct BatchNormSums {
  static constexpr PhaseKind kKind =
      kInference ? PhaseKind::none
                 : kind_by_gradient<T, A>(PhaseKind::batch_norm_sums, PhaseKind::batch_norm_sums_masked);
  static constexpr int kTogether = kInference ? 3 : std::is_same_v<A, ChosenActivation> ? 1 : kBlocksTogether;
  A activation;
  float* part_sums;
  BatchNormArrays<T> a;
  const float *means, *variance;
  BatchNorm all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = rows_there(all, batch);
    const WideTile<T> tile(at, a.pairs, p.rows, p.cols, part_rows(p.rows));
    const Abreast<T> mean = of_columns(tile, means);
    Abreast<T> scale{};
    if constexpr (kInference)
#pragma unroll
      for (int k = 0; k < kAbreast<T>; ++k)
        scale.of[k] =
            value_or(p.gamma, tile.at(k), 1.0f) * math::inverse_deviation(variance[tile.at(k)], p.epsilon);
    const auto sums = kInference && a.dx != nullptr ? tile_sums<true>(tile, activation, a, mean, scale, p)
                                                    : tile_sums<false>(tile, activation, a, mean, scale, p);
    if (!tile.first()) return;
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k) {
      if (!tile.has(k)) continue;
      float* mine = part_sums + tile.part * 3 * p.cols + tile.at(k);
      mine[0] = sums.of[k].dz;
      mine[p.cols] = sums.of[k].dz_u;
      mine[2 * p.cols] = sums.of[k].u;
    }
  }
};

__device__ inline math::GradientSums<float> all_sums(const float* part_sums, std::int64_t parts,
                                                     std::int64_t j, std::int64_t cols) {
  math::GradientSums<float> total{0.0f, 0.0f, 0.0f};
  for (std::int64_t part = 0; part < parts; ++part) {
    const float* sums = part_sums + part * 3 * cols + j;
    total = {total.dz + sums[0], total.dz_u + sums[cols], total.u + sums[2 * cols]};
  }
  return total;
}

// dgamma, dbeta, and the three factors (3, cols) of dx.
struct BatchNormFactors {
  static constexpr PhaseKind kKind = PhaseKind::batch_norm_factors;
  float *dgamma, *dbeta, *factors;
  const float *part_sums, *variance;
  std::int64_t parts;
  BatchNorm all;
  const Batch* batch;

  __device__ void operator()(const Place& at) const {
    const BatchNorm p = rows_there(all, batch);
    for (std::int64_t j = at.first_item(); j < p.cols; j += at.item_stride()) {
      const auto sums = all_sums(part_sums, parts, j, p.cols);
      const auto g = gradient(sums, variance, j, p);
      if (dgamma != nullptr) dgamma[j] = g.dgamma;
      if (dbeta != nullptr) dbeta[j] = sums.dz;
      factors[j] = g.scale;
      factors[p.cols + j] = g.slope;
      factors[2 * p.cols + j] = g.shift;
    }
  }
};

template <class T, class A>
struct BatchNormInputGradient {
  static constexpr PhaseKind kKind = kind_by_gradient<T, A>(PhaseKind::batch_norm_input_gradient,
                                                            PhaseKind::batch_norm_input_gradient_masked);
  static constexpr int kTogether = std::is_same_v<A, ChosenActivation> ? 1 : kBlocksTogether;
  A activation;
  BatchNormArrays<T> a;
  const float *means, *factors;
  std::int64_t part_rows;
  BatchNorm p;

  __device__ void operator()(const Place& at) const {
    const WideTile<T> tile(at, a.pairs, p.rows, p.cols, part_rows);
    Abreast<T, InputFactors> mine;
#pragma unroll
    for (int k = 0; k < kAbreast<T>; ++k) {
      const std::int64_t j = tile.at(k);
      mine.of[k] = {factors[j], factors[p.cols + j], factors[2 * p.cols + j]};
    }
    input_gradient(tile, activation, a, of_columns(tile, means), mine, p);
  }
};

}  // namespace densor::cuda
