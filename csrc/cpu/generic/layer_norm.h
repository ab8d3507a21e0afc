// Normalization of rows and its gradients. A row is summed in sixteen lanes, then by their fixed tree; the
// gradients of gamma and beta are chains over 64 rows, added in ascending order.
// forward reads 4 bytes an element (and again from cache), writes 4; backward reads 8, writes 4; parameters
// reads 8; of bfloat16 arrays half as many.
#pragma once

#include "cpu/generic/reduce.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/batch_norm.h"
#include "math/layer_norm.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kChainRows = 64;

inline std::int64_t row_columns(const LayerNorm& p) { return p.spans * p.inner; }

inline const float* group_of(const float* parameters, std::int64_t row, const LayerNorm& p) {
  return parameters != nullptr ? parameters + row % p.groups * p.inner : nullptr;
}

// f(column, n, gamma, beta) for the vectors of a row.
template <class F>
void each_affine(std::int64_t row, const LayerNorm& p, F f) {
  const float *gamma = group_of(p.gamma, row, p), *beta = group_of(p.beta, row, p);
  if ((gamma == nullptr && beta == nullptr) || p.inner == 1) {  // one factor and term for the whole row
    const Vec scale(gamma != nullptr ? *gamma : 1.0f), shift(beta != nullptr ? *beta : 0.0f);
    each_vector(row_columns(p), [&](std::int64_t j, int n, auto) { f(j, n, scale, shift); });
    return;
  }
  for (std::int64_t span = 0; span < p.spans; ++span)
    each_vector(p.inner, [&](std::int64_t j, int n, auto load) {
      f(span * p.inner + j, n, gamma != nullptr ? load(gamma + j, n) : Vec(1.0f),
        beta != nullptr ? load(beta + j, n) : Vec(0.0f));
    });
}

// Sum of f(vector of x) over the columns of a row.
template <class T, class F>
float row_sum(const T* x, std::int64_t cols, F f) {
  Vec sum(0.0f);
  each_vector(cols, [&](std::int64_t j, int n, auto load) {
    const Vec term = f(load(x + j, n));
    sum = sum + (n == kLanes ? term : first_lanes(term, n, 0.0f));
  });
  return sum_lanes(sum);
}

// Mean, what its rounding lost, 1 / deviation.
template <class T>
void row_statistics(float* statistics, const T* x, const LayerNorm& p) {
  const std::int64_t cols = row_columns(p);
  const auto count = static_cast<float>(cols);
  float center = 0.0f, lost = 0.0f;
  if (p.kind == math::LayerNormKind::layer) {
    const float first = number(x[0]);  // near the others
    const Vec pivot(first);
    const math::SplitMean<float> split(first, row_sum(x, cols, [&](Vec v) { return v - pivot; }) / count);
    center = split.sum;
    lost = split.lost;
  }
  const Vec middle(center);
  const float squares = row_sum(x, cols, [&](Vec v) {
    const Vec u = v - middle;
    return u * u;
  });
  statistics[0] = center;
  statistics[1] = lost;
  statistics[2] = math::row_inverse(p.kind, squares, lost, count, p.epsilon);
}

template <class T>
void layer_norm_forward(T* y, float* statistics, const T* x, std::int64_t begin, std::int64_t end,
                        const LayerNorm& p) {
  const std::int64_t cols = row_columns(p);
  for (std::int64_t i = begin; i < end; ++i) {
    float* saved = statistics + i * kLayerNormStatistics;
    row_statistics(saved, x + i * cols, p);
    const Vec center(saved[0]), lost(saved[1]), inverse(saved[2]);
    each_affine(i, p, [&](std::int64_t j, int n, Vec gamma, Vec beta) {
      const math::Normalization<Vec> affine(gamma, beta, inverse, lost);
      const Vec u = load_lanes(x + i * cols + j, n) - center;
      round_lanes(y + i * cols + j, n, fma(u, affine.scale, affine.shift));
    });
  }
}

template <class T>
void layer_norm_backward(T* dx, const T* dy, const T* x, const float* statistics, std::int64_t begin,
                         std::int64_t end, const LayerNorm& p) {
  const std::int64_t cols = row_columns(p);
  for (std::int64_t i = begin; i < end; ++i) {
    const float* saved = statistics + i * kLayerNormStatistics;
    const T *dy_row = dy + i * cols, *x_row = x + i * cols;
    const Vec center(saved[0]), inverse(saved[2]);
    Vec sum(0.0f), sum_u(0.0f);
    each_affine(i, p, [&](std::int64_t j, int n, Vec gamma, Vec) {
      const Vec g = load_lanes(dy_row + j, n) * gamma;  // 0 behind the last column
      sum = sum + g;
      sum_u = fma(g, load_lanes(x_row + j, n) - center, sum_u);
    });
    const math::RowGradient gradient(p.kind, sum_lanes(sum), sum_lanes(sum_u), saved[1], saved[2],
                                     static_cast<float>(cols), p.epsilon);
    const Vec slope(gradient.slope), shift(gradient.shift);
    each_affine(i, p, [&](std::int64_t j, int n, Vec gamma, Vec) {
      const Vec g = load_lanes(dy_row + j, n) * gamma;
      const Vec u = load_lanes(x_row + j, n) - center;
      round_lanes(dx + i * cols + j, n, fma(g, inverse, fma(u, slope, shift)));
    });
  }
}

// Sums over rows of dy and of dy times normalized x.
struct ParameterSums {
  Vec dbeta, dgamma;

  void add(Vec dy, Vec x, const float* saved) {
    const Vec normalized = ((x - Vec(saved[0])) - Vec(saved[1])) * Vec(saved[2]);
    dbeta = dbeta + dy;
    dgamma = fma(dy, normalized, dgamma);
  }
  void add(const ParameterSums& other) {
    dbeta = dbeta + other.dbeta;
    dgamma = dgamma + other.dgamma;
  }
};

// The sums of a strip: columns [column, column + n) of every span, or all columns where they share one value.
template <class T>
ParameterSums strip_parameters(const T* dy, const T* x, const float* statistics, std::int64_t rows,
                               std::int64_t group, std::int64_t column, int n, const LayerNorm& p) {
  const std::int64_t cols = row_columns(p);
  ParameterSums total{Vec(0.0f), Vec(0.0f)};
  for (std::int64_t first = group; first < rows; first += kChainRows * p.groups) {
    ParameterSums chain{Vec(0.0f), Vec(0.0f)};
    for (std::int64_t i = first; i < rows && i < first + kChainRows * p.groups; i += p.groups) {
      const T *dy_row = dy + i * cols, *x_row = x + i * cols;
      const float* saved = statistics + i * kLayerNormStatistics;
      if (p.inner == 1) {
        each_vector(cols, [&](std::int64_t j, int lanes, auto load) {
          chain.add(load(dy_row + j, lanes), load(x_row + j, lanes),
                    saved);  // dy is 0 behind the last column
        });
      } else {
        for (std::int64_t j = column; j < cols; j += p.inner)
          chain.add(load_lanes(dy_row + j, n), load_lanes(x_row + j, n), saved);
      }
    }
    total.add(chain);
  }
  return total;
}

template <class T>
void layer_norm_parameters(float* dgamma, float* dbeta, const T* dy, const T* x, const float* statistics,
                           std::int64_t rows, std::int64_t begin, std::int64_t end, const LayerNorm& p) {
  const std::int64_t strips = (p.inner + kLanes - 1) / kLanes;
  for (std::int64_t s = begin; s < end; ++s) {
    const std::int64_t group = s / strips, column = s % strips * kLanes;
    const int n = p.inner - column < kLanes ? static_cast<int>(p.inner - column) : kLanes;
    ParameterSums sums = strip_parameters(dy, x, statistics, rows, group, column, n, p);
    if (p.inner == 1) sums = {Vec(sum_lanes(sums.dbeta)), Vec(sum_lanes(sums.dgamma))};
    const std::int64_t at = group * p.inner + column;
    if (dgamma != nullptr) store_lanes(dgamma + at, n, sums.dgamma);
    if (dbeta != nullptr) store_lanes(dbeta + at, n, sums.dbeta);
  }
}

template <class T>
void fill_layer_norm(StoredKernels<T>& k) {
  k.layer_norm = {layer_norm_forward<T>, layer_norm_backward<T>, layer_norm_parameters<T>};
}

}  // namespace
}  // namespace densor::cpu
