// Counts NaN and infinity, and finds the first: values whose exponent bits are all ones. Every block leaves a
// count and a place. Reads 4 (8) bytes an element.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

struct Earlier {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a < b ? a : b; }
};

template <class Bits>
__global__ void count_kernel(NonfiniteCount* counts, const char* data, std::int64_t rows, std::int64_t cols,
                             std::int64_t stride, Bits exponent) {
  __shared__ NonfiniteCount warps[kThreads / kWarpSize];
  NonfiniteCount own{0, kNoPlace};
  for (std::int64_t i = first_row(); i < rows; i += row_stride()) {
    const Bits* x = reinterpret_cast<const Bits*>(data + i * stride);
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) {
      if ((x[j] & exponent) != exponent) continue;
      ++own.count;
      own.first = Earlier{}(own.first, i * cols + j);
    }
  }
  own = {warp_sum(own.count), warp_reduce(own.first, Earlier{})};
  const auto thread = threadIdx.y * blockDim.x + threadIdx.x;
  if (thread % kWarpSize == 0) warps[thread / kWarpSize] = own;
  __syncthreads();
  if (thread != 0) return;
  for (int w = 1; w < kThreads / kWarpSize; ++w)
    own = {own.count + warps[w].count, Earlier{}(own.first, warps[w].first)};
  counts[blockIdx.y * gridDim.x + blockIdx.x] = own;
}

template <class Bits>
std::int64_t count(const Queue& queue, NonfiniteCount* counts, const void* data, std::int64_t rows,
                   std::int64_t cols, std::int64_t stride, Bits exponent) {
  const Tiling tiling = tiling_for(rows, cols);
  launch(queue, count_kernel<Bits>, tiling.grid, tiling.block, 0, counts, static_cast<const char*>(data),
         rows, cols, stride, exponent);
  return static_cast<std::int64_t>(tiling.grid.x) * tiling.grid.y;
}

}  // namespace

void fill_count_nonfinite(Launchers& table) {
  table.count_nonfinite_f32 = [](const Queue& queue, NonfiniteCount* counts, const void* data,
                                 std::int64_t rows, std::int64_t cols, std::int64_t stride) {
    return count<std::uint32_t>(queue, counts, data, rows, cols, stride, 0x7f800000u);
  };
  table.count_nonfinite_f64 = [](const Queue& queue, NonfiniteCount* counts, const void* data,
                                 std::int64_t rows, std::int64_t cols, std::int64_t stride) {
    return count<std::uint64_t>(queue, counts, data, rows, cols, stride, 0x7ff0000000000000u);
  };
}

}  // namespace densor::cuda
