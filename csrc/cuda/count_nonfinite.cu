// Counts NaN and infinity, and finds the first: values whose exponent bits are all ones. Reads 4 (8) bytes an
// element. The same of a batch: phases/refuse_nonfinite.cuh.
#include "cuda/phases/refuse_nonfinite.cuh"

#include "cuda/device/counting.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

void refuse_nonfinite(const Queue& queue, const double* const* totals, const std::vector<const double*>& sums,
                      const Values* gradients, const std::vector<Values>& arrays) {
  std::vector<Span> read{span(queue.batch)};
  for (const double* sum : sums) read.push_back(span(sum, 1));
  launch_phase(queue, RefuseTotals{totals, static_cast<std::int64_t>(sums.size()), queue.batch}, 1, kThreads,
               read, {span(queue.batch)});
  const auto rows = static_cast<std::int64_t>(arrays.size());
  std::int64_t longest = 0;
  read = {span(queue.batch)};
  for (const Values& array : arrays) {
    longest = array.count > longest ? array.count : longest;
    read.push_back(span(array.data, array.count));
  }
  if (rows == 0) return;
  dim3 grid = blocks_for(longest);
  grid.y = blocks_for(rows, 1).x;
  launch_phase(queue, RefuseGradients{gradients, rows, queue.batch}, grid, kThreads, read,
               {span(queue.batch)});
}

}  // namespace

void fill_count_nonfinite(Launchers& table) {
  table.count_nonfinite_f32 = [](const Queue& queue, BlockCount* counts, const void* data, std::int64_t rows,
                                 std::int64_t cols, std::int64_t stride) {
    launch_counting<std::uint32_t>(queue, counts, data, rows, cols, stride,
                                   Nonfinite<std::uint32_t>{kExponent});
  };
  table.count_nonfinite_f64 = [](const Queue& queue, BlockCount* counts, const void* data, std::int64_t rows,
                                 std::int64_t cols, std::int64_t stride) {
    launch_counting<std::uint64_t>(queue, counts, data, rows, cols, stride,
                                   Nonfinite<std::uint64_t>{0x7ff0000000000000u});
  };
  table.refuse_nonfinite = refuse_nonfinite;
}

}  // namespace densor::cuda
