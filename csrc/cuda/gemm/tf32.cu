// c = activation(a b + bias) on the matrix units (Ampere and later) with operands rounded to TF32, 11
// significant bits: one instruction where three products of bfloat16 terms take three of half its price, at a
// hundredth of their exactness. Only who asks for TF32 gets it.
//
// A block has 128 x 64 elements of c, a warp 32 x 32 of them. A slice of 32 terms of a and b is rounded as it
// is stored to shared memory; the next one is on its way to registers meanwhile. Elements whose sum is not
// finite are computed again by multiply-adds.
#include "cuda/gemm/dropout.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/slice.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/table.h"
#include "math/tf32.h"
#include "mma.cuh"

namespace densor::cuda {

namespace {

constexpr int kRows = kMmaRows, kCols = kMmaCols;         // of a block
constexpr int kWarpRows = 32, kWarpCols = 32;             // of a warp
constexpr int kTileRows = 16, kTileCols = 8, kTerms = 8;  // of one instruction
constexpr int kPitch = kSlice + 4;                        // lanes of a fragment read different banks
constexpr int kDown = kWarpRows / kTileRows, kAcross = kWarpCols / kTileCols;

template <int kLength, bool kAlong>
__device__ __forceinline__ void store(const Slice<kLength, kAlong>& slice, float (*to)[kPitch], int thread) {
#pragma unroll
  for (int s = 0; s < slice.kCount; ++s)
    to[slice.line(thread, s)][slice.term(thread, s)] = math::tf32_round(slice.element[s]);
}

// One step of kTerms terms of a warp's tile.
__device__ __forceinline__ void multiply(float (&sum)[kDown][kAcross][4], const float (*a)[kPitch],
                                         const float (*b)[kPitch], int row, int col, int term) {
  const int g = lane_index() / 4, t = term + lane_index() % 4;
  float of_a[kDown][4], of_b[kAcross][2];
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int e = 0; e < 4; ++e) of_a[i][e] = a[row + i * kTileRows + g + e % 2 * 8][t + e / 2 * 4];
#pragma unroll
  for (int j = 0; j < kAcross; ++j)
#pragma unroll
    for (int e = 0; e < 2; ++e) of_b[j][e] = b[col + j * kTileCols + g][t + 4 * e];
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int j = 0; j < kAcross; ++j) multiply_accumulate_tf32(sum[i][j], of_a[i], of_b[j]);
}

// Where element n of a lane lies in c, n / 4 its instruction.
__device__ __forceinline__ GemmPlace place(std::int64_t top, std::int64_t left, int n) {
  return {top + n / (4 * kAcross) * kTileRows + lane_index() / 4 + n % 4 / 2 * 8,
          left + n / 4 % kAcross * kTileCols + lane_index() % 4 * 2 + n % 2};
}

// `sum` becomes what is stored.
template <bool kSlope, class Dropout>
__device__ __forceinline__ void finish(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                       std::int64_t top, std::int64_t left, float (&sum)[kDown][kAcross][4],
                                       const Dropout& dropout) {
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int j = 0; j < kAcross; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const auto [row, col] = place(top, left, (i * kAcross + j) * 4 + e);
        if (row >= p.m || col >= p.n) continue;
        float x = sum[i][j][e];
        if (!is_finite(x)) x = by_multiply_adds(p, o, row, col);
        o.c[row * p.n + col] = sum[i][j][e] = finished<float, kSlope>(f, p, row, col, x, dropout);
      }
  if constexpr (kSlope) {
    multiply_gradient<float, 8, kDown * kAcross * 4>(p, o, f.slope,
                                                     [&](int n) { return place(top, left, n); });
  }
}

// The mask of what dropout has left of a warp's results, from (top, left) on.
template <class Dropout>
__device__ __forceinline__ void put_mask(const Dropout& dropout, std::int64_t top, std::int64_t left,
                                         const float (&sum)[kDown][kAcross][4]) {
#pragma unroll
  for (int i = 0; i < kDown; ++i)
    dropout.put_instructions(top + i * kTileRows + lane_index() / 4, left,
                             [&](int j, int e) { return sum[i][j][e]; });
}

// All of a product that is no gradient, where its activation is not relu.
__device__ __forceinline__ void activate(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                         std::int64_t top, std::int64_t left,
                                         const float (&sum)[kDown][kAcross][4]) {
  float sums[kDown * kAcross * 4];
#pragma unroll
  for (int n = 0; n < kDown * kAcross * 4; ++n) sums[n] = sum[n / (4 * kAcross)][n / 4 % kAcross][n % 4];
  const auto at = [&](int n) { return place(top, left, n); };
  repair_sums(p, o, sums, at);
  activate_sums<float, 4>(f, p, o, sums, at);
}

template <bool kTransposeA, bool kTransposeB>
__global__ void __launch_bounds__(kThreads, 1)
    tf32_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finishing) {
  DENSOR_SHARED(float[kRows][kPitch], a);
  DENSOR_SHARED(float[kCols][kPitch], b);
  constexpr bool kForward = !kTransposeA && !kTransposeB, kSlope = !kTransposeA && kTransposeB;
  using Dropout = TileDropout<kRows, kCols>;
  DENSOR_SHARED(std::uint16_t[kForward ? Dropout::kSize : 1], kept);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarpSize;
  const int row = warp / (kCols / kWarpCols) * kWarpRows, col = warp % (kCols / kWarpCols) * kWarpCols;
  const auto down = static_cast<unsigned>(divide_up(problem.m, kRows));
  const std::int64_t top = static_cast<std::int64_t>(blockIdx.x % down) * kRows;
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x / down) * kCols;
  const std::int64_t terms = rows_of(operands.batch, problem.k);
  const Dropout dropout(finishing, problem, top, left, kept);
  if (kForward && finishing.drops()) dropout.draw(thread, kThreads);
  float sum[kDown][kAcross][4] = {};
  Slice<kRows, !kTransposeA> next_a;
  Slice<kCols, kTransposeB> next_b;
  next_a.load(operands.a, problem.m, terms, top, 0, thread);
  next_b.load(operands.b, problem.n, terms, left, 0, thread);
  for (std::int64_t p = 0; p < terms; p += kSlice) {
    __syncthreads();
    store(next_a, a, thread);
    store(next_b, b, thread);
    __syncthreads();
    if (p + kSlice < terms) {
      next_a.load(operands.a, problem.m, terms, top, p + kSlice, thread);
      next_b.load(operands.b, problem.n, terms, left, p + kSlice, thread);
    }
#pragma unroll
    for (int term = 0; term < kSlice; term += kTerms) multiply(sum, a, b, row, col, term);
  }
  if constexpr (kForward) {
    if (finishing.other()) return activate(problem, operands, finishing, top + row, left + col, sum);
    if (terms == 0) __syncthreads();  // what is kept was drawn before the terms
    finish<kSlope>(problem, operands, finishing, top + row, left + col, sum, dropout);
    if (finishing.drops()) put_mask(dropout, top + row, left + col, sum);
  } else {
    finish<kSlope>(problem, operands, finishing, top + row, left + col, sum, NoDropout{});
  }
  leave_warp_sums<kTransposeA, kTransposeB>(finishing.sums, problem, {top, left, kRows, kCols}, row, col, a,
                                            sum);
}

void gemm_tf32(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
               const GemmFinish& finishing) {
  const dim3 grid(static_cast<unsigned>(divide_up(p.m, kRows) * divide_up(p.n, kCols)));
  const auto start = [&](auto kernel) { launch(queue, kernel, grid, kThreads, 0, p, operands, finishing); };
  if (p.transpose_a)
    p.transpose_b ? start(tf32_kernel<true, true>) : start(tf32_kernel<true, false>);
  else
    p.transpose_b ? start(tf32_kernel<false, true>) : start(tf32_kernel<false, false>);
}

}  // namespace

void fill_gemm_tf32(Launchers& table) { table.gemm_tf32 = gemm_tf32; }

}  // namespace densor::cuda
