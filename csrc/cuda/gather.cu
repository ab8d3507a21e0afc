// Rows of a data set, those that the batch names or the next ones, converted to float32 or to labels; and
// rows written back. Reads the dtype's bytes an element, writes 4. The launch has checked every row of every
// batch.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

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
__global__ void gather_kernel(float* y, FedRows fed, const Batch* batch, std::int64_t rows, std::int64_t cols,
                              F f) {
  for (std::int64_t i = first_row(); i < rows; i += row_stride()) {
    const T* x = row_of<const T>(fed, batch, i);
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) y[i * cols + j] = f(x[j]);
  }
}

// -1, which is no label, for values that int32 cannot hold.
template <class T>
__global__ void labels_kernel(std::int32_t* y, FedRows fed, const Batch* batch, std::int64_t rows) {
  for (std::int64_t i = first_item(); i < rows; i += item_stride()) {
    const T x = *row_of<const T>(fed, batch, i);
    const double value = static_cast<double>(x);
    const bool fits = value >= 0.0 && value < 2147483648.0;
    y[i] = fits ? static_cast<std::int32_t>(x) : -1;
  }
}

__global__ void scatter_kernel(FedRows fed, const float* x, const Batch* batch, std::int64_t rows,
                               std::int64_t cols) {
  for (std::int64_t i = first_row(); i < rows; i += row_stride()) {
    float* to = row_of<float>(fed, batch, i);
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) to[j] = x[i * cols + j];
  }
}

template <class T>
void gather(const Queue& queue, float* y, const FedRows& fed, std::int64_t rows, std::int64_t cols,
            float scale, float offset) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, gather_kernel<T, Rescaled>, tiling.grid, tiling.block, 0, y, fed, queue.batch, rows, cols,
         Rescaled{scale, offset});
}

void gather_f32(const Queue& queue, float* y, const FedRows& fed, std::int64_t rows, std::int64_t cols,
                float scale, float offset) {
  if (scale != 1.0f || offset != 0.0f) return gather<float>(queue, y, fed, rows, cols, scale, offset);
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, gather_kernel<float, Same>, tiling.grid, tiling.block, 0, y, fed, queue.batch, rows, cols,
         Same{});
}

template <class T>
void gather_labels(const Queue& queue, std::int32_t* y, const FedRows& fed, std::int64_t rows) {
  launch(queue, labels_kernel<T>, blocks_for(rows), kThreads, 0, y, fed, queue.batch, rows);
}

void scatter(const Queue& queue, const FedRows& fed, const float* x, std::int64_t rows, std::int64_t cols) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, scatter_kernel, tiling.grid, tiling.block, 0, fed, x, queue.batch, rows, cols);
}

template <class T>
void fill_from(Launchers& table, DType dtype) {
  table.gather[static_cast<int>(dtype)] = gather<T>;
  table.gather_labels[static_cast<int>(dtype)] = gather_labels<T>;
}

}  // namespace

void fill_gather(Launchers& table) {
  fill_from<std::uint8_t>(table, DType::boolean);
  fill_from<std::uint8_t>(table, DType::u8);
  fill_from<std::uint16_t>(table, DType::u16);
  fill_from<std::uint32_t>(table, DType::u32);
  fill_from<std::uint64_t>(table, DType::u64);
  fill_from<std::int8_t>(table, DType::i8);
  fill_from<std::int16_t>(table, DType::i16);
  fill_from<std::int32_t>(table, DType::i32);
  fill_from<std::int64_t>(table, DType::i64);
  fill_from<float>(table, DType::f32);
  fill_from<double>(table, DType::f64);
  table.gather[static_cast<int>(DType::f32)] = gather_f32;
  table.scatter = scatter;
}

}  // namespace densor::cuda
