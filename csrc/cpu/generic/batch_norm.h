// Batch normalization of columns with a fused activation, and its gradients. Columns are independent; rows
// come in blocks of 64, whose sums are merged in order. Of a batch of some hundred rows, 64 columns at a time
// are read for their sums and, while they are in cache, again for the result; of larger ones, up to 512
// columns, so that whole stretches of memory are read in order, twice. forward: reads 4 + 8 bytes an element,
// writes 4; inference reads 4, writes 4; backward reads 8 (12 with an activation) twice, writes 4;
// inference_backward reads 8 (12), writes 4.
#pragma once

#include <type_traits>

#include "cpu/generic/strip.h"
#include "cpu/kernels.h"
#include "math/activation.h"
#include "math/batch_norm.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kNormRows = 64;
inline constexpr std::int64_t kCachedRows = 512;  // 64 columns of so many rows stay in a second-level cache
inline constexpr std::int64_t kNormColumns = 512;

using NormColumns = float[kNormColumns];  // a figure for each column that is at work

// f(first column, columns) for the columns that are read together.
template <class F>
void each_part(const BatchNorm& p, F f) {
  const std::int64_t wide = p.rows <= kCachedRows ? 4 * kLanes : kNormColumns;
  for (std::int64_t j = 0; j < p.cols; j += wide) f(j, p.cols - j < wide ? p.cols - j : wide);
}

// f(first row, rows, strip, first column) for the strips of each block of rows.
template <int Wide, class F>
void each_tile(std::int64_t rows, std::int64_t cols, F f) {
  for (std::int64_t i = 0; i < rows; i += kNormRows) {
    const std::int64_t count = rows - i < kNormRows ? rows - i : kNormRows;
    each_strip<Wide>(cols, [&](const auto& strip, std::int64_t j) { f(i, count, strip, j); });
  }
}

// Activations that cost much take narrow strips: less code, same speed.
template <class A>
inline constexpr int kNormWide = std::is_same_v<A, math::Linear> || std::is_same_v<A, math::Relu> ? 4 : 1;

// Moments of x - pivot in a block of rows of a strip, by two passes.
template <int Count>
void block_moments(math::Moments<Vec>* m, const Strip<Count>& strip, const float* x, const Vec* pivot,
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
void column_moments(NormColumns& mean, NormColumns& squares, const float* x, std::int64_t cols,
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
template <class A, int Count>
void normalize_tile(const Strip<Count>& strip, float* y, const float* x, const float* mean,
                    const float* scale, const float* shift, std::int64_t rows, const BatchNorm& p) {
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

void normalize(float* y, const float* x, const NormColumns& mean, const NormColumns& scale,
               const NormColumns& shift, std::int64_t cols, const BatchNorm& p) {
  math::with_activation(p.activation, [&](auto kind) {
    using A = decltype(kind);
    const auto tile = [&](std::int64_t i, std::int64_t rows, const auto& strip, std::int64_t j) {
      const std::int64_t at = i * p.ld + j;
      normalize_tile<A>(strip, y + at, x + at, mean + j, scale + j, shift + j, rows, p);
    };
    each_tile<kNormWide<A>>(p.rows, cols, tile);
  });
}

void batch_norm_forward(float* y, float* mean, float* variance, const float* x, const BatchNorm& p) {
  each_part(p, [&](std::int64_t first, std::int64_t cols) {
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
    normalize(y + first, x + first, center, scale, shift, cols, p);
  });
}

void batch_norm_inference(float* y, const float* x, const float* mean, const float* variance,
                          const BatchNorm& p) {
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

// The arrays of a backward pass from some element on.
struct NormArrays {
  float* dx;
  const float* dy;
  const float* x;
  const float* y;

  // The same further on; absent arrays stay absent.
  NormArrays from(std::int64_t offset) const {
    return {dx != nullptr ? dx + offset : nullptr, dy + offset, x + offset,
            y != nullptr ? y + offset : nullptr};
  }
};

template <class A, int Count>
Vec upstream(const Strip<Count>& strip, const NormArrays& at, std::int64_t index, int c, Vec alpha) {
  const Vec dy = strip.load(at.dy + index, c);
  if constexpr (std::is_same_v<A, math::Linear>)
    return dy;
  else
    return dy * A::derivative(strip.load(at.y + index, c), alpha);
}

struct NormSums {
  alignas(64) NormColumns dz{}, dz_u{}, u{};
};

// The sums of a block of rows; where `dx_scale` is given, dx = dx_scale * dz on the way.
template <class A, class Scale, int Count>
void block_sums(math::GradientSums<Vec>* sums, const Strip<Count>& strip, const NormArrays& at,
                const float* mean, Scale dx_scale, std::int64_t rows, const BatchNorm& p) {
  const Vec alpha(p.alpha), zero(0.0f);
  math::GradientSums<Vec> block[Count];
  Vec center[Count];
  for (int c = 0; c < Count; ++c) {
    block[c] = {zero, zero, zero};
    center[c] = strip.load(mean, c);
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec dz = upstream<A>(strip, at, i * p.ld, c, alpha);
      const Vec u = strip.load(at.x + i * p.ld, c) - center[c];
      block[c] = {block[c].dz + dz, fma(dz, u, block[c].dz_u), block[c].u + u};
      if constexpr (!std::is_null_pointer_v<Scale>)
        strip.store(at.dx + i * p.ld, c, strip.load(dx_scale, c) * dz);
    }
  for (int c = 0; c < Count; ++c) sums[c] = block[c];
}

// Sums over all rows. `dx_scale`: a factor per column, or nullptr.
template <class A, class Scale>
void gradient_sums(NormSums& total, const NormArrays& at, const float* mean, Scale dx_scale,
                   std::int64_t cols, const BatchNorm& p) {
  const auto tile = [&](std::int64_t first, std::int64_t rows, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    math::GradientSums<Vec> block[kCount];
    const NormArrays here = at.from(first * p.ld + j);
    if constexpr (std::is_null_pointer_v<Scale>)
      block_sums<A>(block, strip, here, mean + j, nullptr, rows, p);
    else
      block_sums<A>(block, strip, here, mean + j, dx_scale + j, rows, p);
    for (int c = 0; c < kCount; ++c) {
      const auto add = [&](NormColumns& sum, Vec term) {
        strip.store(sum + j, c, strip.load(sum + j, c) + term);
      };
      add(total.dz, block[c].dz);
      add(total.dz_u, block[c].dz_u);
      add(total.u, block[c].u);
    }
  };
  each_tile<kNormWide<A>>(p.rows, cols, tile);
}

// dx = scale dz + slope (x - mean) + shift in some rows of a strip.
template <class A, int Count>
void gradient_tile(const Strip<Count>& strip, const NormArrays& at, const float* mean, const float* scale,
                   const float* slope, const float* shift, std::int64_t rows, const BatchNorm& p) {
  const Vec alpha(p.alpha);
  Vec center[Count], factor[Count], incline[Count], term[Count];
  for (int c = 0; c < Count; ++c) {
    center[c] = strip.load(mean, c);
    factor[c] = strip.load(scale, c);
    incline[c] = strip.load(slope, c);
    term[c] = strip.load(shift, c);
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec dz = upstream<A>(strip, at, i * p.ld, c, alpha);
      const Vec u = strip.load(at.x + i * p.ld, c) - center[c];
      strip.store(at.dx + i * p.ld, c, fma(dz, factor[c], fma(u, incline[c], term[c])));
    }
}

template <class A>
void input_gradient(const NormArrays& at, const float* mean, const NormColumns& scale,
                    const NormColumns& slope, const NormColumns& shift, std::int64_t cols,
                    const BatchNorm& p) {
  const auto tile = [&](std::int64_t i, std::int64_t rows, const auto& strip, std::int64_t j) {
    gradient_tile<A>(strip, at.from(i * p.ld + j), mean + j, scale + j, slope + j, shift + j, rows, p);
  };
  each_tile<kNormWide<A>>(p.rows, cols, tile);
}

void batch_norm_backward(const BatchNormGradients& d, const float* dy, const float* x, const float* y,
                         const float* mean, const float* variance, const BatchNorm& p) {
  math::with_activation(p.activation, [&](auto kind) {
    using A = decltype(kind);
    each_part(p, [&](std::int64_t first, std::int64_t cols) {
      NormSums sums;
      alignas(64) NormColumns scale, slope, shift;
      const NormArrays at = NormArrays{d.dx, dy, x, y}.from(first);
      gradient_sums<A>(sums, at, mean + first, nullptr, cols, p);
      each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
        const std::int64_t column = first + j;
        const Vec inverse = math::inverse_deviation(strip.load(variance + column, 0), Vec(p.epsilon));
        const math::GradientSums<Vec> sum{strip.load(sums.dz + j, 0), strip.load(sums.dz_u + j, 0),
                                          strip.load(sums.u + j, 0)};
        const math::NormalizationGradient<Vec> g(sum, strip.load_or(p.gamma, column, 0, 1.0f), inverse,
                                                 static_cast<float>(p.rows));
        if (d.dgamma != nullptr) strip.store(d.dgamma + column, 0, g.dgamma);
        if (d.dbeta != nullptr) strip.store(d.dbeta + column, 0, sum.dz);
        strip.store(scale + j, 0, g.scale);
        strip.store(slope + j, 0, g.slope);
        strip.store(shift + j, 0, g.shift);
      });
      if (d.dx != nullptr) input_gradient<A>(at, mean + first, scale, slope, shift, cols, p);
    });
  });
}

void batch_norm_inference_backward(const BatchNormGradients& d, const float* dy, const float* x,
                                   const float* y, const float* mean, const float* variance,
                                   const BatchNorm& p) {
  math::with_activation(p.activation, [&](auto kind) {
    using A = decltype(kind);
    each_part(p, [&](std::int64_t first, std::int64_t cols) {
      NormSums sums;
      alignas(64) NormColumns inverse, scale;
      each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
        const Vec v = math::inverse_deviation(strip.load(variance + first + j, 0), Vec(p.epsilon));
        strip.store(inverse + j, 0, v);
        strip.store(scale + j, 0, strip.load_or(p.gamma, first + j, 0, 1.0f) * v);
      });
      const NormArrays at = NormArrays{d.dx, dy, x, y}.from(first);
      if (d.dx != nullptr)
        gradient_sums<A>(sums, at, mean + first, static_cast<const float*>(scale), cols, p);
      else
        gradient_sums<A>(sums, at, mean + first, nullptr, cols, p);
      each_strip<1>(cols, [&](const auto& strip, std::int64_t j) {
        if (d.dgamma != nullptr)
          strip.store(d.dgamma + first + j, 0, strip.load(inverse + j, 0) * strip.load(sums.dz_u + j, 0));
        if (d.dbeta != nullptr) strip.store(d.dbeta + first + j, 0, strip.load(sums.dz + j, 0));
      });
    });
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

void fill_batch_norm(Kernels& k) {
  k.batch_norm_forward = batch_norm_forward;
  k.batch_norm_inference = batch_norm_inference;
  k.batch_norm_backward = batch_norm_backward;
  k.batch_norm_inference_backward = batch_norm_inference_backward;
  k.batch_norm_update = batch_norm_update;
}

}  // namespace
}  // namespace densor::cpu
