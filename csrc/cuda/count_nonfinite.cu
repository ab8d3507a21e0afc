// Counts NaN and infinity, and finds the first: values whose exponent bits are all ones. Reads 4 (8) bytes an
// element. The same of a batch: it is refused where a sum of losses or a gradient is not finite.
#include "cuda/device/scalar.cuh"

#include "cuda/device/counting.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr std::uint32_t kExponent = 0x7f800000u;

template <class Bits>
struct Nonfinite {
  Bits exponent;
  __device__ bool operator()(Bits x) const { return (x & exponent) == exponent; }
};

// Whether the exponent bits say NaN or infinity.
__device__ __forceinline__ bool is_nonfinite(float x) {
  return Nonfinite<std::uint32_t>{kExponent}(math::as_bits(x));
}

// One thread: there is a sum for each output.
__global__ void refuse_totals_kernel(const double* const* totals, std::int64_t count, Batch* batch) {
  for (std::int64_t i = 0; i < count; ++i) {
    const double total = *totals[i];
    if (!(total - total == 0.0)) refuse(batch, Refusal::totals);
  }
}

// A row of blocks has an array.
__global__ void refuse_gradients_kernel(const Values* gradients, std::int64_t arrays, Batch* batch) {
  for (std::int64_t k = blockIdx.y; k < arrays; k += gridDim.y)
    for (std::int64_t i = first_item(); i < gradients[k].count; i += item_stride())
      if (is_nonfinite(gradients[k].data[i])) refuse(batch, Refusal::gradients);
}

void refuse_nonfinite(const Queue& queue, const double* const* totals, std::int64_t count,
                      const Values* gradients, const std::vector<Values>& arrays) {
  launch(queue, refuse_totals_kernel, 1, 1, 0, totals, count, queue.batch);
  const auto rows = static_cast<std::int64_t>(arrays.size());
  std::int64_t longest = 0;
  for (const Values& array : arrays) longest = array.count > longest ? array.count : longest;
  if (rows == 0) return;
  dim3 grid = blocks_for(longest);
  grid.y = blocks_for(rows, 1).x;
  launch(queue, refuse_gradients_kernel, grid, kThreads, 0, gradients, rows, queue.batch);
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
