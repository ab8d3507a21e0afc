#include "cuda/gemm/parts.h"

#include "cuda/device/scalar.cuh"

#include "cuda/device/dropout.cuh"
#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

namespace {

// x, element (i, j) of c as it is stored before dropout, or 0, and its bit of the mask. By half warps with
// the sixteen columns of a word.
__device__ __forceinline__ float dropped(const GemmFinish& f, const GemmProblem& p, std::int64_t i,
                                         std::int64_t j, bool inside, float x) {
  const GemmDropout& d = f.dropout;
  const auto block = static_cast<std::uint32_t>(j / kDropoutColumns);
  const NoisePlace at{i, block, static_cast<std::uint32_t>(j % kNoiseLanes)};
  const NoiseWords bits = at.words({math::philox_key(d.seed), d.stream}, d.batch->step);
  const int group = static_cast<int>(j % kDropoutColumns) / kNoiseLanes;
  const bool keep = inside && half_word(bits, group) >= d.threshold;
  const std::uint32_t word = mask_word(keep && !(f.relu() && !(x > 0.0f)));
  if (j % kNoiseLanes == 0 && i < p.m)
    d.mask[i * math::mask_words(p.n) + j / kNoiseLanes] = static_cast<std::uint16_t>(word);
  return keep ? math::fma(x, d.scale, 0.0f) : 0.0f;
}

// C: of c. kSquares: of a gradient of weights whose squares are wanted.
template <class C, bool kSquares>
__global__ void __launch_bounds__(kThreads)
    parts_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finish, const float* partial,
                 std::int64_t parts) {
  const std::int64_t n = problem.m * problem.n;
  // Dropout's threads come in sixteens, in whole warps.
  const bool drops = !kSquares && finish.drops();
  const std::int64_t columns = drops ? math::mask_words(problem.n) * kNoiseLanes : problem.n;
  const std::int64_t items = problem.m * columns, rounded = divide_up(items, kWarpSize) * kWarpSize;
  [[maybe_unused]] double squares = 0.0;
  for (std::int64_t item = first_item(); item < (drops ? rounded : items); item += item_stride()) {
    const std::int64_t i = item / columns, j = item % columns, at = i * problem.n + j;
    const bool inside = item < items && j < problem.n;
    float sum = inside ? partial[at] : 0.0f;
    if (inside)
      for (std::int64_t part = 1; part < parts; ++part) sum += partial[part * n + at];
    if (!is_finite(sum)) sum = by_multiply_adds(problem, operands, i, j);
    C* c = reinterpret_cast<C*>(operands.c);
    if (!kSquares && finish.other()) {
      store_activated<C>(finish, problem, operands, i, j, sum);
      continue;
    }
    if (inside) sum = finished<C>(finish, problem, i, j, sum);
    if (drops) sum = dropped(finish, problem, i, j, inside, as_stored<C>(sum));
    if (!inside) continue;
    put(c + at, sum);
    if constexpr (kSquares)
      squares += square(sum);
    else if (finish.slope.other())  // whose products leave no squares
      multiply_stored(finish.slope, c, at);
  }
  if constexpr (kSquares) {
    squares = block_sum(squares);
    if (threadIdx.x == 0) finish.sums.squares[blockIdx.x] = squares;
  }
}

template <class C>
void add(const Queue& queue, const GemmProblem& p, const GemmOperands& operands, const GemmFinish& finish,
         const float* partial, std::int64_t parts) {
  launch(queue, finish.sums.squares != nullptr ? parts_kernel<C, true> : parts_kernel<C, false>,
         dim3(static_cast<unsigned>(part_blocks(p.m * p.n))), kThreads, 0, p, operands, finish, partial,
         parts);
}

}  // namespace

void add_parts(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
               const GemmFinish& finish, const float* partial, std::int64_t parts) {
  operands.half_c ? add<Half>(queue, p, operands, finish, partial, parts)
                  : add<float>(queue, p, operands, finish, partial, parts);
}

void fill_gemm_parts(Launchers& table) { table.gemm_parts = add_parts; }

}  // namespace densor::cuda
