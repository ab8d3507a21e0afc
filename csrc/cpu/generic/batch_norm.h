// Batch normalization of columns with a fused activation, and its gradients. Columns are independent: a strip
// of up to 64 of them is read for its sums (rows in blocks of 64, the blocks merged in order) and, while it
// is in cache, again for its result.
// forward: reads 4 (from memory) + 8 bytes an element, writes 4; inference reads 4, writes 4; backward reads
// 8 (12 with an activation) and again from cache, writes 4; inference_backward reads 8 (12), writes 4.
#pragma once

#include <type_traits>

#include "cpu/generic/strip.h"
#include "cpu/kernels.h"
#include "math/activation.h"
#include "math/batch_norm.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kNormRows = 64;

// f(activation, strip, first column); activations that cost much take narrow strips: less code, same speed.
template <class F>
void each_activated_strip(const BatchNorm& p, F f) {
  math::with_activation(p.activation, [&](auto kind) {
    using A = decltype(kind);
    constexpr bool kCheap = std::is_same_v<A, math::Linear> || std::is_same_v<A, math::Relu>;
    each_strip<kCheap ? 4 : 1>(p.cols, [&](auto strip, std::int64_t j) { f(kind, strip, j); });
  });
}

// Moments of x - pivot in rows [0, rows) of a strip, by two passes.
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

// Moments of x - pivot in all rows.
template <int Count>
void strip_moments(math::Moments<Vec>* total, const Strip<Count>& strip, const float* x, const Vec* pivot,
                   std::int64_t rows, std::int64_t ld) {
  for (int c = 0; c < Count; ++c) total[c] = {Vec(0.0f), Vec(0.0f)};
  for (std::int64_t i = 0; i < rows; i += kNormRows) {
    const std::int64_t count = rows - i < kNormRows ? rows - i : kNormRows;
    math::Moments<Vec> block[Count];
    block_moments(block, strip, x + i * ld, pivot, count, ld);
    for (int c = 0; c < Count; ++c)
      total[c].merge(block[c], static_cast<float>(i), static_cast<float>(count));
  }
}

// y = activation(scale (x - mean) + shift) of a strip.
template <class A, int Count>
void normalize(const Strip<Count>& strip, float* y, const float* x, const Vec* mean, const Vec* scale,
               const Vec* shift, const BatchNorm& p) {
  const Vec alpha(p.alpha);
  for (std::int64_t i = 0; i < p.rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec u = strip.load(x + i * p.ld, c) - mean[c];
      strip.store(y + i * p.ld, c, A::value(fma(u, scale[c], shift[c]), alpha));
    }
}

void batch_norm_forward(float* y, float* mean, float* variance, const float* x, const BatchNorm& p) {
  each_activated_strip(p, [&](auto kind, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    Vec center[kCount], scale[kCount], shift[kCount];
    math::Moments<Vec> moments[kCount];
    for (int c = 0; c < kCount; ++c) center[c] = strip.load(x + j, c);  // the first row is near the others
    strip_moments(moments, strip, x + j, center, p.rows, p.ld);
    for (int c = 0; c < kCount; ++c) {
      const math::SplitMean<Vec> split(center[c], moments[c].mean);
      const Vec spread = moments[c].squares / Vec(static_cast<float>(p.rows));
      const math::Normalization<Vec> n(strip.load_or(p.gamma, j, c, 1.0f), strip.load_or(p.beta, j, c, 0.0f),
                                       math::inverse_deviation(spread, Vec(p.epsilon)), split.lost);
      strip.store(mean + j, c, split.sum);
      strip.store(variance + j, c, spread);
      center[c] = split.sum;
      scale[c] = n.scale;
      shift[c] = n.shift;
    }
    normalize<decltype(kind)>(strip, y + j, x + j, center, scale, shift, p);
  });
}

void batch_norm_inference(float* y, const float* x, const float* mean, const float* variance,
                          const BatchNorm& p) {
  each_activated_strip(p, [&](auto kind, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    Vec center[kCount], scale[kCount], shift[kCount];
    for (int c = 0; c < kCount; ++c) {
      const Vec inverse = math::inverse_deviation(strip.load(variance + j, c), Vec(p.epsilon));
      const math::Normalization<Vec> n(strip.load_or(p.gamma, j, c, 1.0f), strip.load_or(p.beta, j, c, 0.0f),
                                       inverse, Vec(0.0f));
      center[c] = strip.load(mean + j, c);
      scale[c] = n.scale;
      shift[c] = n.shift;
    }
    normalize<decltype(kind)>(strip, y + j, x + j, center, scale, shift, p);
  });
}

// The arrays of a backward pass at the first column of a strip.
struct NormStrip {
  float* dx;
  const float* dy;
  const float* x;
  const float* y;
};

template <class A, int Count>
Vec upstream(const Strip<Count>& strip, const NormStrip& at, std::int64_t row, int c, Vec alpha) {
  const Vec dy = strip.load(at.dy + row, c);
  if constexpr (std::is_same_v<A, math::Linear>)
    return dy;
  else
    return dy * A::derivative(strip.load(at.y + row, c), alpha);
}

// Sums over rows in blocks; where dx_scale is given, dx = dx_scale * dz on the way.
template <class A, int Count>
void strip_sums(math::GradientSums<Vec>* total, const Strip<Count>& strip, const NormStrip& at,
                const Vec* mean, const Vec* dx_scale, const BatchNorm& p) {
  const Vec alpha(p.alpha), zero(0.0f);
  for (int c = 0; c < Count; ++c) total[c] = {zero, zero, zero};
  for (std::int64_t first = 0; first < p.rows; first += kNormRows) {
    const std::int64_t end = p.rows - first < kNormRows ? p.rows : first + kNormRows;
    math::GradientSums<Vec> block[Count];
    for (int c = 0; c < Count; ++c) block[c] = {zero, zero, zero};
    for (std::int64_t i = first; i < end; ++i)
      for (int c = 0; c < Count; ++c) {
        const Vec dz = upstream<A>(strip, at, i * p.ld, c, alpha);
        const Vec u = strip.load(at.x + i * p.ld, c) - mean[c];
        block[c] = {block[c].dz + dz, fma(dz, u, block[c].dz_u), block[c].u + u};
        if (dx_scale != nullptr) strip.store(at.dx + i * p.ld, c, dx_scale[c] * dz);
      }
    for (int c = 0; c < Count; ++c)
      total[c] = {total[c].dz + block[c].dz, total[c].dz_u + block[c].dz_u, total[c].u + block[c].u};
  }
}

template <class A, int Count>
void input_gradient(const Strip<Count>& strip, const NormStrip& at, const Vec* mean, const Vec* scale,
                    const Vec* slope, const Vec* shift, const BatchNorm& p) {
  const Vec alpha(p.alpha);
  for (std::int64_t i = 0; i < p.rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec dz = upstream<A>(strip, at, i * p.ld, c, alpha);
      const Vec u = strip.load(at.x + i * p.ld, c) - mean[c];
      strip.store(at.dx + i * p.ld, c, fma(dz, scale[c], fma(u, slope[c], shift[c])));
    }
}

NormStrip norm_strip(const BatchNormGradients& d, const float* dy, const float* x, const float* y,
                     std::int64_t j) {
  return {d.dx != nullptr ? d.dx + j : nullptr, dy + j, x + j, y != nullptr ? y + j : nullptr};
}

void batch_norm_backward(const BatchNormGradients& d, const float* dy, const float* x, const float* y,
                         const float* mean, const float* variance, const BatchNorm& p) {
  each_activated_strip(p, [&](auto kind, const auto& strip, std::int64_t j) {
    using A = decltype(kind);
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    const NormStrip at = norm_strip(d, dy, x, y, j);
    Vec center[kCount], scale[kCount], slope[kCount], shift[kCount];
    math::GradientSums<Vec> sums[kCount];
    for (int c = 0; c < kCount; ++c) center[c] = strip.load(mean + j, c);
    strip_sums<A>(sums, strip, at, center, nullptr, p);
    for (int c = 0; c < kCount; ++c) {
      const Vec inverse = math::inverse_deviation(strip.load(variance + j, c), Vec(p.epsilon));
      const math::NormalizationGradient<Vec> g(sums[c], strip.load_or(p.gamma, j, c, 1.0f), inverse,
                                               static_cast<float>(p.rows));
      if (d.dgamma != nullptr) strip.store(d.dgamma + j, c, g.dgamma);
      if (d.dbeta != nullptr) strip.store(d.dbeta + j, c, sums[c].dz);
      scale[c] = g.scale;
      slope[c] = g.slope;
      shift[c] = g.shift;
    }
    if (d.dx != nullptr) input_gradient<A>(strip, at, center, scale, slope, shift, p);
  });
}

void batch_norm_inference_backward(const BatchNormGradients& d, const float* dy, const float* x,
                                   const float* y, const float* mean, const float* variance,
                                   const BatchNorm& p) {
  each_activated_strip(p, [&](auto kind, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    Vec center[kCount], inverse[kCount], scale[kCount];
    math::GradientSums<Vec> sums[kCount];
    for (int c = 0; c < kCount; ++c) {
      center[c] = strip.load(mean + j, c);
      inverse[c] = math::inverse_deviation(strip.load(variance + j, c), Vec(p.epsilon));
      scale[c] = strip.load_or(p.gamma, j, c, 1.0f) * inverse[c];
    }
    strip_sums<decltype(kind)>(sums, strip, norm_strip(d, dy, x, y, j), center,
                               d.dx != nullptr ? scale : nullptr, p);
    for (int c = 0; c < kCount; ++c) {
      if (d.dgamma != nullptr) strip.store(d.dgamma + j, c, inverse[c] * sums[c].dz_u);
      if (d.dbeta != nullptr) strip.store(d.dbeta + j, c, sums[c].dz);
    }
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
