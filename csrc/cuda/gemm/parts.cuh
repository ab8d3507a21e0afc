// A product whose terms were cut into parts: c from the sums that these left, and what becomes of it then.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/reduce.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/sums.cuh"

namespace densor::cuda {

// `partial` (parts, m, n): added in ascending order. C: of c; kSquares: of a gradient of weights whose
// squares are wanted.
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

}  // namespace densor::cuda
