// Gradients of batch normalization with a fused activation and dropout, over the parts and strips of its
// forward pass. Rows are read for their sums and again for dx: backward reads 8 bytes an element (12 with an
// activation, 8 and a bit where dropout has left a mask of both) twice, writes 4; inference_backward reads 8
// (12), writes 4; of bfloat16 arrays half as many.
#pragma once

#include <type_traits>

#include "cpu/generic/batch_norm.h"
#include "cpu/kernels.h"
#include "math/activation.h"
#include "math/batch_norm.h"
#include "math/bf16_split.h"

namespace densor::cpu {
namespace {

// The arrays of a backward pass from some element on.
template <class T>
struct NormArrays {
  T* dx;
  const T* dy;
  const T* x;
  const T* y;
  PassedGradient passed;

  // The same further on, by a multiple of sixteen columns; absent arrays stay absent.
  NormArrays from(std::int64_t row, std::int64_t column, std::int64_t ld) const {
    NormArrays at = *this;
    const std::int64_t offset = row * ld + column;
    if (dx != nullptr) at.dx += offset;
    if (y != nullptr) at.y += offset;
    if (passed.mask != nullptr) at.passed.mask += row * mask_words(ld) + column / kLanes;
    at.dy += offset;
    at.x += offset;
    return at;
  }
};

// In the place of an activation: the mask has what it and dropout let pass.
struct Masked {};

// The gradient behind the activation.
template <class A, int Count, class T>
Vec upstream(const Strip<Count>& strip, const NormArrays<T>& at, std::int64_t row, int c,
             const BatchNorm& p) {
  const Vec dy = strip.load(at.dy + row * p.ld, c);
  if constexpr (std::is_same_v<A, math::Linear>) {
    return dy;
  } else if constexpr (std::is_same_v<A, Masked>) {
    const Mask passes = mask_from_bits(at.passed.mask[row * mask_words(p.ld) + c]);
    const Vec dz = select(passes, dy * Vec(at.passed.scale), Vec(0.0f));
    return at.passed.rounded ? math::bf16_round(dz) : dz;
  } else {
    return dy * A::derivative(strip.load(at.y + row * p.ld, c), Vec(p.alpha));
  }
}

// Activations that cost much take narrow strips: less code, same speed.
template <class A>
inline constexpr int kGradientWide = std::is_same_v<A, Masked> ? 4 : kNormWide<A>;

struct NormSums {
  alignas(64) NormColumns dz{}, dz_u{}, u{};
};

// The sums of a block of rows; where `dx_scale` is given, dx = dx_scale * dz on the way.
template <class A, class Scale, int Count, class T>
void block_sums(math::GradientSums<Vec>* sums, const Strip<Count>& strip, const NormArrays<T>& at,
                const float* mean, Scale dx_scale, std::int64_t rows, const BatchNorm& p) {
  const Vec zero(0.0f);
  math::GradientSums<Vec> block[Count];
  Vec center[Count];
  for (int c = 0; c < Count; ++c) {
    block[c] = {zero, zero, zero};
    center[c] = strip.load(mean, c);
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec dz = upstream<A>(strip, at, i, c, p);
      const Vec u = strip.load(at.x + i * p.ld, c) - center[c];
      block[c] = {block[c].dz + dz, fma(dz, u, block[c].dz_u), block[c].u + u};
      if constexpr (!std::is_null_pointer_v<Scale>)
        strip.store(at.dx + i * p.ld, c, strip.load(dx_scale, c) * dz);
    }
  for (int c = 0; c < Count; ++c) sums[c] = block[c];
}

// Sums over all rows. `dx_scale`: a factor per column, or nullptr.
template <class A, class Scale, class T>
void gradient_sums(NormSums& total, const NormArrays<T>& at, const float* mean, Scale dx_scale,
                   std::int64_t cols, const BatchNorm& p) {
  const auto tile = [&](std::int64_t first, std::int64_t rows, const auto& strip, std::int64_t j) {
    constexpr int kCount = std::decay_t<decltype(strip)>::kCount;
    math::GradientSums<Vec> block[kCount];
    const NormArrays<T> here = at.from(first, j, p.ld);
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
  each_tile<kGradientWide<A>>(p.rows, cols, tile);
}

// dx = scale dz + slope (x - mean) + shift in some rows of a strip.
template <class A, int Count, class T>
void gradient_tile(const Strip<Count>& strip, const NormArrays<T>& at, const float* mean, const float* scale,
                   const float* slope, const float* shift, std::int64_t rows, const BatchNorm& p) {
  Vec center[Count], factor[Count], incline[Count], term[Count];
  for (int c = 0; c < Count; ++c) {
    center[c] = strip.load(mean, c);
    factor[c] = strip.load(scale, c);
    incline[c] = strip.load(slope, c);
    term[c] = strip.load(shift, c);
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < Count; ++c) {
      const Vec dz = upstream<A>(strip, at, i, c, p);
      const Vec u = strip.load(at.x + i * p.ld, c) - center[c];
      strip.store(at.dx + i * p.ld, c, fma(dz, factor[c], fma(u, incline[c], term[c])));
    }
}

template <class A, class T>
void input_gradient(const NormArrays<T>& at, const float* mean, const NormColumns& scale,
                    const NormColumns& slope, const NormColumns& shift, std::int64_t cols,
                    const BatchNorm& p) {
  const auto tile = [&](std::int64_t i, std::int64_t rows, const auto& strip, std::int64_t j) {
    gradient_tile<A>(strip, at.from(i, j, p.ld), mean + j, scale + j, slope + j, shift + j, rows, p);
  };
  // One that reads y as well reads more arrays than are fetched ahead.
  if constexpr (std::is_same_v<A, math::Linear> || std::is_same_v<A, Masked>)
    each_written_tile<kGradientWide<A>>(p.rows, cols, tile);
  else
    each_tile<kGradientWide<A>>(p.rows, cols, tile);
}

template <class A, class T>
void all_gradients(const BatchNormGradients<T>& d, const NormArrays<T>& arrays, const float* mean,
                   const float* variance, const BatchNorm& p) {
  each_part(p, [&](std::int64_t first, std::int64_t cols) {
    NormSums sums;
    alignas(64) NormColumns scale, slope, shift;
    const NormArrays<T> at = arrays.from(0, first, p.ld);
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
}

template <class T>
void batch_norm_backward(const BatchNormGradients<T>& d, const T* dy, const T* x, const T* y,
                         const float* mean, const float* variance, const BatchNorm& p,
                         const PassedGradient& passed) {
  const NormArrays<T> arrays{d.dx, dy, x, y, passed};
  if (passed.mask != nullptr)
    all_gradients<Masked>(d, arrays, mean, variance, p);
  else
    math::with_activation(p.activation,
                          [&](auto kind) { all_gradients<decltype(kind)>(d, arrays, mean, variance, p); });
}

template <class T>
void batch_norm_inference_backward(const BatchNormGradients<T>& d, const T* dy, const T* x, const T* y,
                                   const float* mean, const float* variance, const BatchNorm& p) {
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
      const NormArrays<T> at = NormArrays<T>{d.dx, dy, x, y, {}}.from(0, first, p.ld);
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

template <class T>
void fill_batch_norm_gradients(StoredKernels<T>& k) {
  k.batch_norm.backward = batch_norm_backward<T>;
  k.batch_norm.inference_backward = batch_norm_inference_backward<T>;
}

}  // namespace
}  // namespace densor::cpu
