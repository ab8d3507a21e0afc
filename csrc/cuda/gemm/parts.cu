#include "cuda/gemm/parts.h"

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/launchers.h"

namespace densor::cuda {

namespace {

// C: of c. kSquares: of a gradient of weights whose squares are wanted.
template <class C, bool kSquares>
__global__ void __launch_bounds__(kThreads)
    parts_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finish, const float* partial,
                 std::int64_t parts) {
  const std::int64_t n = problem.m * problem.n;
  [[maybe_unused]] double squares = 0.0;
  for (std::int64_t at = first_item(); at < n; at += item_stride()) {
    float sum = partial[at];
    for (std::int64_t part = 1; part < parts; ++part) sum += partial[part * n + at];
    const std::int64_t i = at / problem.n, j = at % problem.n;
    if (!is_finite(sum)) sum = by_multiply_adds(problem, operands, i, j);
    C* c = reinterpret_cast<C*>(operands.c);
    if (!kSquares && finish.other()) {
      store_activated<C>(finish, problem, operands, i, j, sum);
      continue;
    }
    sum = finished<C>(finish, problem, i, j, sum);
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
