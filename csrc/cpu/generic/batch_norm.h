// Batch normalization of columns with a fused activation and dropout. Columns are independent; rows come in
// blocks of 64, whose sums are merged in order. Of a batch of some hundred rows, 64 columns at a time (128,
// those of a block of noise, with dropout) are read for their sums and, while they are in cache, again for
// the result; of larger ones, up to 512 columns, so that whole stretches of memory are read in order, twice.
// forward: reads 4 + 4 bytes an element, writes 4, and a bit with dropout; inference reads 4, writes 4; of
// bfloat16 arrays half as many.
#pragma once

#include <type_traits>

#include "cpu/generic/dropout.h"
#include "cpu/generic/rows.h"
#include "cpu/generic/strip.h"
#include "cpu/kernels.h"
#include "math/activation.h"
#include "math/batch_norm.h"
#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kNormRows = 64;
inline constexpr std::int64_t kCachedRows = 512;  // 64 columns of so many rows stay in a second-level cache
inline constexpr std::int64_t kNormColumns = 512;
inline constexpr std::int64_t kWrittenRows = 8;  // at a time, of large batches: as many are fetched ahead

using NormColumns = float[kNormColumns];  // a figure for each column that is at work

// f(first column, columns) for the columns that are read together: `narrow` of them where the rows are few. A
// part ends where that many from `before` columns further left on would.
template <class F>
void each_part(const BatchNorm& p, std::int64_t narrow, std::int64_t before, F f) {
  const std::int64_t wide = p.rows <= kCachedRows ? narrow : kNormColumns;
  for (std::int64_t j = 0; j < p.cols;) {
    const std::int64_t room = wide - (before + j) % wide, left = p.cols - j;
    const std::int64_t count = left < room ? left : room;
    f(j, count);
    j += count;
  }
}
template <class F>
void each_part(const BatchNorm& p, F f) {
  each_part(p, 4 * kLanes, 0, f);
}

// f(first row, rows, strip, first column) for the strips of each block of rows.
template <int Wide, class F>
void each_tile(std::int64_t rows, std::int64_t cols, F f, std::int64_t block = kNormRows) {
  for (std::int64_t i = 0; i < rows; i += block) {
    const std::int64_t count = rows - i < block ? rows - i : block;
    each_strip<Wide>(cols, [&](const auto& strip, std::int64_t j) { f(i, count, strip, j); });
  }
}

// The same for what is computed of each element by itself.
template <int Wide, class F>
void each_written_tile(std::int64_t rows, std::int64_t cols, F f) {
  each_tile<Wide>(rows, cols, f, rows <= kCachedRows ? kNormRows : kWrittenRows);
}

// Activations that cost much take narrow strips: less code, same speed.
template <class A>
inline constexpr int kNormWide = std::is_same_v<A, math::Linear> || std::is_same_v<A, math::Relu> ? 4 : 1;

// Moments of x - pivot in a block of rows of a strip, by two passes.
template <int Count, class T>
void block_moments(math::Moments<Vec>* m, const Strip<Count>& strip, const T* x, const Vec* pivot,
                   std::int64_t rows, std::int64_t ld) {
  Vec sum[Count], squares[Count];
  for (int c = 0; c < Count; ++c) sum[c] = squares[c] = Vec(0.0f);
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) sum[c] = sum[c] + (strip.load(x + i * ld, c) - pivot[c]);
  for (int c = 0; c < Count; ++c) sum[c] = sum[c] / Vec(static_cast<float>(rows));
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec deviation = (strip.load(x + i * ld, c) - pivot[c]) - sum[c];
      squares[c] = fma(deviation, deviation, squares[c]);
    }
  for (int c = 0; c < Count; ++c) m[c] = {sum[c], squares[c]};
}

// Moments of x - pivot in all rows; the pivot is the first row, which is near the others.
template <class T>
void column_moments(NormColumns& mean, NormColumns& squares, const T* x, std::int64_t cols,
                    const BatchNorm& p) {
  each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
    strip.store(mean + j, 0, Vec(0.0f));
    strip.store(squares + j, 0, Vec(0.0f));
  });
  const auto tile = [&](std::int64_t i, std::int64_t rows, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    Vec pivot[kCount];
    math::Moments<Vec> block[kCount];
    for (int c = 0; c < kCount; ++c) pivot[c] = strip.load(x + j, c);
    block_moments(block, strip, x + i * p.ld + j, pivot, rows, p.ld);
    for (int c = 0; c < kCount; ++c) {
      math::Moments<Vec> total{strip.load(mean + j, c), strip.load(squares + j, c)};
      total.merge(block[c], static_cast<float>(i), static_cast<float>(rows));
      strip.store(mean + j, c, total.mean);
      strip.store(squares + j, c, total.squares);
    }
  };
  each_tile<4>(p.rows, cols, tile);
}

// y = activation(scale (x - mean) + shift) in some rows of a strip.
template <class A, int Count, class T>
void normalize_tile(const Strip<Count>& strip, T* y, const T* x, const float* mean, const float* scale,
                    const float* shift, std::int64_t rows, const BatchNorm& p) {
  const Vec alpha(p.alpha);
  Vec center[Count], factor[Count], term[Count];
  for (int c = 0; c < Count; ++c) {
    center[c] = strip.load(mean, c);
    factor[c] = strip.load(scale, c);
    term[c] = strip.load(shift, c);
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec u = strip.load(x + i * p.ld, c) - center[c];
      strip.store(y + i * p.ld, c, A::value(fma(u, factor[c], term[c]), alpha));
    }
}

template <class T>
void normalize(T* y, const T* x, const NormColumns& mean, const NormColumns& scale, const NormColumns& shift,
               std::int64_t cols, const BatchNorm& p) {
  math::with_activation(p.activation, [&](auto kind) {
    using A = decltype(kind);
    const auto tile = [&](std::int64_t i, std::int64_t rows, const auto& strip, std::int64_t j) {
      const std::int64_t at = i * p.ld + j;
      normalize_tile<A>(strip, y + at, x + at, mean + j, scale + j, shift + j, rows, p);
    };
    each_written_tile<kNormWide<A>>(p.rows, cols, tile);
  });
}

// The same and dropout for some columns of a row, up to sixteen; returns the word of the mask, which tells
// what that and the activation let pass.
template <class A, class T>
std::uint16_t drop_some(const Strip<1>& strip, T* y, const T* x, const float* mean, const float* scale,
                        const float* shift, Mask keep, float alpha, const FusedDropout& drop) {
  const Vec u = strip.load(x, 0) - strip.load(mean, 0);
  Vec v = A::value(fma(u, strip.load(scale, 0), strip.load(shift, 0)), Vec(alpha));
  if (drop.rounded) v = math::bf16_round(v);
  strip.store(y, 0, select(keep, fma(v, Vec(drop.map.scale), Vec(drop.map.shift)), Vec(drop.map.dropped)));
  Mask passed = keep & lanes_below(strip.last);
  if constexpr (!std::is_same_v<A, math::Linear>)
    passed = passed & (A::derivative(v, Vec(alpha)) > Vec(0.0f));
  return static_cast<std::uint16_t>(bits_of(passed));
}

template <class A, class T>
void normalize_and_drop(T* y, const T* x, const NormColumns& mean, const NormColumns& scale,
                        const NormColumns& shift, std::int64_t cols, const BatchNorm& p,
                        const FusedDropout& drop) {
  const std::int64_t words = mask_words(p.ld);
  for (std::int64_t i = 0; i < p.rows; ++i)
    each_noise_group(drop.noise, i, drop.column, drop.column + cols, [&](std::int64_t column, UVec half) {
      const std::int64_t j = column - drop.column, at = i * p.ld + j, left = cols - j;
      const Mask keep = kept(half, drop.noise);
      const auto word = [&](const Strip<1>& strip) {
        return drop_some<A>(strip, y + at, x + at, mean + j, scale + j, shift + j, keep, p.alpha, drop);
      };
      drop.mask[i * words + j / kLanes] = left >= kLanes ? word({kLanes}) : word({static_cast<int>(left)});
    });
}

template <class T>
void normalize_and_drop(T* y, const T* x, const NormColumns& mean, const NormColumns& scale,
                        const NormColumns& shift, std::int64_t cols, const BatchNorm& p,
                        const FusedDropout& drop) {
  if (p.activation == math::Activation::relu)
    normalize_and_drop<math::Relu>(y, x, mean, scale, shift, cols, p, drop);
  else
    normalize_and_drop<math::Linear>(y, x, mean, scale, shift, cols, p, drop);
}

// What drops out from `first` columns further right on.
inline FusedDropout from_column(FusedDropout drop, std::int64_t first) {
  drop.mask += first / kLanes;
  drop.column += first;
  return drop;
}

template <class T>
void batch_norm_forward(T* y, float* mean, float* variance, const T* x, const BatchNorm& p,
                        const FusedDropout& drop) {
  const bool drops = drop.mask != nullptr;
  each_part(p, drops ? kNoiseColumns : 4 * kLanes, drop.column, [&](std::int64_t first, std::int64_t cols) {
    alignas(64) NormColumns center, squares, scale, shift;
    column_moments(center, squares, x + first, cols, p);
    each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
      const math::SplitMean<Vec> split(strip.load(x + first + j, 0), strip.load(center + j, 0));
      const Vec spread = strip.load(squares + j, 0) / Vec(static_cast<float>(p.rows));
      const math::Normalization<Vec> n(strip.load_or(p.gamma, first + j, 0, 1.0f),
                                       strip.load_or(p.beta, first + j, 0, 0.0f),
                                       math::inverse_deviation(spread, Vec(p.epsilon)), split.lost);
      strip.store(mean + first + j, 0, split.sum);
      strip.store(variance + first + j, 0, spread);
      strip.store(center + j, 0, split.sum);
      strip.store(scale + j, 0, n.scale);
      strip.store(shift + j, 0, n.shift);
    });
    if (drops)
      normalize_and_drop(y + first, x + first, center, scale, shift, cols, p, from_column(drop, first));
    else
      normalize(y + first, x + first, center, scale, shift, cols, p);
  });
}

template <class T>
void batch_norm_inference(T* y, const T* x, const float* mean, const float* variance, const BatchNorm& p) {
  each_part(p, [&](std::int64_t first, std::int64_t cols) {
    alignas(64) NormColumns center, scale, shift;
    each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
      const Vec inverse = math::inverse_deviation(strip.load(variance + first + j, 0), Vec(p.epsilon));
      const math::Normalization<Vec> n(strip.load_or(p.gamma, first + j, 0, 1.0f),
                                       strip.load_or(p.beta, first + j, 0, 0.0f), inverse, Vec(0.0f));
      strip.store(center + j, 0, strip.load(mean + first + j, 0));
      strip.store(scale + j, 0, n.scale);
      strip.store(shift + j, 0, n.shift);
    });
    normalize(y + first, x + first, center, scale, shift, cols, p);
  });
}

void batch_norm_update(float* moving_mean, float* moving_variance, const float* mean, const float* variance,
                       std::int64_t n, const MovingAverage& average) {
  const Vec momentum(average.momentum), rest(average.rest), zero(0.0f), one(1.0f);
  each_strip<1>(n, [&](const auto& strip, std::int64_t j) {
    const Vec old_mean = strip.load(moving_mean + j, 0), old_variance = strip.load(moving_variance + j, 0);
    const Vec batch_mean = strip.load(mean + j, 0);
    const Vec batch_variance = strip.load(variance + j, 0) * Vec(average.correction);
    Vec new_mean = math::moving_average(old_mean, batch_mean, momentum, rest);
    Vec new_variance = math::moving_average(old_variance, batch_variance, momentum, rest);
    if (average.from_first) {
      const Mask untouched = (old_mean == zero) & (old_variance == one);
      new_mean = select(untouched, batch_mean, new_mean);
      new_variance = select(untouched, batch_variance, new_variance);
    }
    strip.store(moving_mean + j, 0, new_mean);
    strip.store(moving_variance + j, 0, new_variance);
  });
}

template <class T>
void fill_batch_norm(StoredKernels<T>& k) {
  k.batch_norm.forward = batch_norm_forward<T>;
  k.batch_norm.inference = batch_norm_inference<T>;
}

void fill_batch_norm_update(Kernels& k) { k.batch_norm_update = batch_norm_update; }

}  // namespace
}  // namespace densor::cpu
