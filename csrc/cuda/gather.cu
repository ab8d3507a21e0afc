// Rows of a data set converted to float32 or to labels (phases/gather.cuh), and rows written back: reads and
// writes 4 bytes an element. The launch has checked every row of every batch.
#include "cuda/phases/gather.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void scatter_kernel(FedRows fed, const float* x, const Batch* batch, std::int64_t rows,
                               std::int64_t cols) {
  const std::int64_t there = rows_of(batch, rows);
  for (std::int64_t i = first_row(); i < there; i += row_stride()) {
    float* to = row_of<float>(fed, batch, i);
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) to[j] = x[i * cols + j];
  }
}

template <class T>
void gather(const Queue& queue, float* y, const FedRows& fed, std::int64_t rows, std::int64_t cols,
            float scale, float offset) {
  const Tiling tiling = tiling_for(rows, cols);
  launch_phase(queue, GatherRows<T, Rescaled>{y, fed, queue.batch, rows, cols, {scale, offset}}, tiling.grid,
               tiling.block, {span(queue.batch)}, {span(y, rows * cols)});
}

void gather_f32(const Queue& queue, float* y, const FedRows& fed, std::int64_t rows, std::int64_t cols,
                float scale, float offset) {
  if (scale != 1.0f || offset != 0.0f) return gather<float>(queue, y, fed, rows, cols, scale, offset);
  const Tiling tiling = tiling_for(rows, cols);
  launch_phase(queue, GatherRows<float, Same>{y, fed, queue.batch, rows, cols, {}}, tiling.grid, tiling.block,
               {span(queue.batch)}, {span(y, rows * cols)});
}

template <class T>
void gather_labels(const Queue& queue, std::int32_t* y, const FedRows& fed, std::int64_t rows) {
  launch_phase(queue, GatherLabels<T>{y, fed, queue.batch, rows}, blocks_for(rows), kThreads,
               {span(queue.batch)}, {span(y, rows)});
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
