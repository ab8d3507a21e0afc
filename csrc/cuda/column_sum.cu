#include "cuda/phases/column_sum.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

template <class T>
void column_sum(const Queue& queue, float* sum, const T* x, std::int64_t rows, std::int64_t cols) {
  if (cols == 0) return;
  const std::int64_t parts = column_parts(rows);
  float* part_sums = parts > 1 ? queue.scratch : sum;
  launch_phase(queue, ColumnSum<T>{part_sums, x, rows, cols, queue.batch}, tile_blocks(cols, parts),
               tile_threads(), {span(x, rows * cols), span(queue.batch)}, {span(part_sums, parts * cols)});
  if (parts > 1) add_parts(queue, sum, part_sums, parts, cols);
}

}  // namespace

void fill_column_sum(Launchers& table) {
  table.column_sum = column_sum<float>;
  table.column_sum_of_halves = column_sum<Half>;
}

}  // namespace densor::cuda
