// Rows of a data set, those that the batch names or the next ones, converted to float32 or to labels. Reads
// the dtype's bytes an element, writes 4. Rows that the batch does not have become zeros.
#pragma once

#include <type_traits>

#include "cuda/launchers.h"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

__device__ __forceinline__ std::int64_t row_at(const Batch* batch, std::int64_t i) {
  return batch->rows != nullptr ? batch->rows[i] : batch->start + i;
}

template <class T>
__device__ __forceinline__ T* row_of(const FedRows& fed, const Batch* batch, std::int64_t i) {
  return reinterpret_cast<T*>(fed.data + row_at(batch, i) * fed.stride);
}

// Product and sum are rounded apart, as NumPy does.
struct Rescaled {
  float scale, offset;
  template <class T>
  __device__ float operator()(T x) const {
    return static_cast<float>(x) * scale + offset;
  }
};

struct Same {
  __device__ float operator()(float x) const { return x; }
};

template <class T, class F>
constexpr PhaseKind gather_kind() {
  if (std::is_same_v<F, Same>) return PhaseKind::gather_f32;
  return std::is_same_v<T, float>          ? PhaseKind::gather_f32_rescaled
         : std::is_same_v<T, double>       ? PhaseKind::gather_f64
         : std::is_same_v<T, std::uint8_t> ? PhaseKind::gather_u8
                                           : PhaseKind::none;
}

template <class T, class F>
struct GatherRows {
  static constexpr PhaseKind kKind = gather_kind<T, F>();
  float* y;
  FedRows fed;
  const Batch* batch;
  std::int64_t rows, cols;
  F f;

  __device__ void operator()(const Place& at) const {
    const std::int64_t there = rows_of(batch, rows);
    for (std::int64_t i = at.first_row(); i < rows; i += at.row_stride()) {
      const T* x = i < there ? row_of<const T>(fed, batch, i) : nullptr;
      for (std::int64_t j = at.first_item(); j < cols; j += at.item_stride())
        y[i * cols + j] = x != nullptr ? f(x[j]) : 0.0f;
    }
  }
};

template <class T>
constexpr PhaseKind labels_kind() {
  return std::is_same_v<T, std::uint8_t>   ? PhaseKind::labels_u8
         : std::is_same_v<T, std::int32_t> ? PhaseKind::labels_i32
         : std::is_same_v<T, std::int64_t> ? PhaseKind::labels_i64
                                           : PhaseKind::none;
}

// -1, which is no label, for values that int32 cannot hold.
template <class T>
struct GatherLabels {
  static constexpr PhaseKind kKind = labels_kind<T>();
  std::int32_t* y;
  FedRows fed;
  const Batch* batch;
  std::int64_t rows;

  __device__ void operator()(const Place& at) const {
    const std::int64_t there = rows_of(batch, rows);
    for (std::int64_t i = at.first_item(); i < rows; i += at.item_stride()) {
      const T x = i < there ? *row_of<const T>(fed, batch, i) : T(0);
      const double value = static_cast<double>(x);
      const bool fits = value >= 0.0 && value < 2147483648.0;
      y[i] = fits ? static_cast<std::int32_t>(x) : -1;
    }
  }
};

}  // namespace densor::cuda
