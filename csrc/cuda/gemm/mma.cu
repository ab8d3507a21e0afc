// c = activation(a b + bias) on the matrix units (Ampere and later), float32 as sums of bfloat16 terms: 1, 3
// or 6 products of terms stand for one of float32 (math/bf16_split.h), the smallest first.
//
// A block has 128 x 64 elements of c, a warp 32 x 32 of them. A slice of 32 terms of a and b is split as it
// is stored to shared memory; the next one is on its way to registers meanwhile. The units' own sums are
// rounded towards zero, so every 128 terms they move to sums of float32, rounded to nearest: the error of six
// products is then below that of a chain of multiply-adds. An element whose sum is not finite is computed
// again by such a chain: infinity has no sum of terms.
#include "cuda/gemm/dropout.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/slice.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/gemm/terms.h"
#include "cuda/table.h"
#include "math/bf16_split.h"
#include "mma.cuh"

namespace densor::cuda {

namespace {

constexpr int kRows = kMmaRows, kCols = kMmaCols;          // of a block
constexpr int kWarpRows = 32, kWarpCols = 32;              // of a warp
constexpr int kTileRows = 16, kTileCols = 8, kTerms = 16;  // of one instruction
constexpr int kPitch = kSlice + 8;  // bfloat16s; lanes of a fragment read different banks
constexpr std::int64_t kPromote = 128;
constexpr int kDown = kWarpRows / kTileRows, kAcross = kWarpCols / kTileCols;

// To planes of terms in shared memory.
template <int kPlanes, int kLength, bool kAlong>
__device__ __forceinline__ void store(const Slice<kLength, kAlong>& slice, Half* planes, int thread) {
#pragma unroll
  for (int s = 0; s < slice.kCount; ++s) {
    float terms[kPlanes];
    math::bf16_split(terms, slice.element[s]);
#pragma unroll
    for (int t = 0; t < kPlanes; ++t)
      planes[(t * kLength + slice.line(thread, s)) * kPitch + slice.term(thread, s)] =
          static_cast<Half>(math::as_bits(terms[t]) >> 16);
  }
}

__device__ __forceinline__ std::uint32_t pair_at(const Half* plane, int line, int term) {
  return *reinterpret_cast<const std::uint32_t*>(plane + line * kPitch + term);
}

// One step of kTerms terms, all products, of a warp's tile.
template <int kProducts>
__device__ __forceinline__ void multiply(float (&sum)[kDown][kAcross][4], const Half* a, const Half* b,
                                         int row, int col, int term) {
  constexpr int kPlanes = planes_of(kProducts);
  const int g = lane_index() / 4, t = term + lane_index() % 4 * 2;
  std::uint32_t of_a[kPlanes][kDown][4], of_b[kPlanes][kAcross][2];
#pragma unroll
  for (int plane = 0; plane < kPlanes; ++plane) {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      const Half* x = a + plane * kRows * kPitch;
      const int line = row + i * kTileRows + g;
      of_a[plane][i][0] = pair_at(x, line, t);
      of_a[plane][i][1] = pair_at(x, line + 8, t);
      of_a[plane][i][2] = pair_at(x, line, t + 8);
      of_a[plane][i][3] = pair_at(x, line + 8, t + 8);
    }
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
      const Half* x = b + plane * kCols * kPitch;
      of_b[plane][j][0] = pair_at(x, col + j * kTileCols + g, t);
      of_b[plane][j][1] = pair_at(x, col + j * kTileCols + g, t + 8);
    }
  }
#pragma unroll
  for (int p = 0; p < kProducts; ++p)
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < kAcross; ++j)
        multiply_accumulate(sum[i][j], of_a[term_of_a(kProducts, p)][i], of_b[term_of_b(kProducts, p)][j]);
}

// total += sum, and sum begins anew.
__device__ __forceinline__ void promote(float (&total)[kDown][kAcross][4], float (&sum)[kDown][kAcross][4]) {
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int j = 0; j < kAcross; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        total[i][j][e] += sum[i][j][e];
        sum[i][j][e] = 0.0f;
      }
}

// Where element e of a lane's instruction (i, j) lies in c.
struct Place {
  std::int64_t row, col;

  __device__ std::int64_t i(int down, int e) const { return row + down * kTileRows + 8 * (e / 2); }
  __device__ std::int64_t j(int across, int e) const { return col + across * kTileCols + e % 2; }
  // The same of element n of all that a lane has.
  __device__ GemmPlace operator()(int n) const {
    return {i(n / (4 * kAcross), n % 4), j(n / 4 % kAcross, n % 4)};
  }
};

// `total` becomes what is computed, before it is rounded to C.
template <class C, bool kSlope, class Dropout>
__device__ __forceinline__ void finish_in_registers(const GemmProblem& p, const GemmOperands& o,
                                                    const GemmFinish& f, const Place& at,
                                                    float (&total)[kDown][kAcross][4],
                                                    const Dropout& dropout) {
  static_assert(kDown * kAcross * 4 == 32);
  C* c = reinterpret_cast<C*>(o.c);
  std::uint32_t lost = 0;  // the elements that are not finite
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int j = 0; j < kAcross; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        if (at.i(i, e) < p.m && at.j(j, e) < p.n) {
          lost |= (is_finite(total[i][j][e]) ? 0u : 1u) << ((i * kAcross + j) * 4 + e);
          total[i][j][e] = finished<C, kSlope>(f, p, at.i(i, e), at.j(j, e), total[i][j][e], dropout);
          put(c + at.i(i, e) * p.n + at.j(j, e), total[i][j][e]);
        }
  if (lost == 0) return;
#pragma unroll 1
  for (int n = 0; n < 32; ++n) {
    if ((lost >> n & 1u) == 0) continue;
    const auto [i, j] = at(n);
    put(c + i * p.n + j, finished<C, kSlope>(f, p, i, j, by_multiply_adds(p, o, i, j), dropout));
  }
#pragma unroll
  for (int n = 0; n < 32; ++n)
    if ((lost >> n & 1u) != 0)
      total[n / (4 * kAcross)][n / 4 % kAcross][n % 4] = to_float(c[at(n).i * p.n + at(n).j]);
}

// The mask of what dropout has left of them; col: the first of the warp's columns.
template <class Dropout>
__device__ __forceinline__ void put_mask(const Dropout& dropout, const Place& at, std::int64_t col,
                                         const float (&total)[kDown][kAcross][4]) {
#pragma unroll
  for (int i = 0; i < kDown; ++i)
    dropout.put_instructions(at.i(i, 0), col, [&](int j, int e) { return total[i][j][e]; });
}

// All of a product that is no gradient, where its activation is not relu.
template <class C>
__device__ __forceinline__ void activate(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                         const Place& at, const float (&total)[kDown][kAcross][4]) {
  float sums[kDown * kAcross * 4];
#pragma unroll
  for (int n = 0; n < kDown * kAcross * 4; ++n) sums[n] = total[n / (4 * kAcross)][n / 4 % kAcross][n % 4];
  repair_sums(p, o, sums, at);
  activate_sums<C, 4>(f, p, o, sums, at);
}

// T: of a and b. C: of c.
template <int kProducts, bool kTransposeA, bool kTransposeB, class T, class C>
__global__ void __launch_bounds__(kThreads, 1)
    mma_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finishing) {
  constexpr int kPlanes = planes_of(kProducts);
  Half* a = dynamic_shared<Half>();
  Half* b = a + kPlanes * kRows * kPitch;
  const T *of_a = reinterpret_cast<const T*>(operands.a), *of_b = reinterpret_cast<const T*>(operands.b);
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
  float total[kDown][kAcross][4] = {}, sum[kDown][kAcross][4] = {};
  Slice<kRows, !kTransposeA> next_a;
  Slice<kCols, kTransposeB> next_b;
  next_a.load(of_a, problem.m, terms, top, 0, thread);
  next_b.load(of_b, problem.n, terms, left, 0, thread);
  for (std::int64_t p = 0; p < terms; p += kSlice) {
    __syncthreads();
    store<kPlanes>(next_a, a, thread);
    store<kPlanes>(next_b, b, thread);
    __syncthreads();
    if (p + kSlice < terms) {
      next_a.load(of_a, problem.m, terms, top, p + kSlice, thread);
      next_b.load(of_b, problem.n, terms, left, p + kSlice, thread);
    }
#pragma unroll
    for (int term = 0; term < kSlice; term += kTerms) multiply<kProducts>(sum, a, b, row, col, term);
    if ((p + kSlice) % kPromote == 0) promote(total, sum);
  }
  promote(total, sum);
  const Place at{top + row + lane_index() / 4, left + col + lane_index() % 4 * 2};
  if constexpr (kForward) {
    if (finishing.other()) return activate<C>(problem, operands, finishing, at, total);
    if (terms == 0) __syncthreads();  // what is kept was drawn before the terms
    finish_in_registers<C, kSlope>(problem, operands, finishing, at, total, dropout);
    if (finishing.drops()) put_mask(dropout, at, left + col, total);
  } else {
    finish_in_registers<C, kSlope>(problem, operands, finishing, at, total, NoDropout{});
  }
  if constexpr (kSlope) multiply_gradient<C, 8, kDown * kAcross * 4>(problem, operands, finishing.slope, at);
  leave_warp_sums<kTransposeA, kTransposeB>(finishing.sums, problem, {top, left, kRows, kCols}, row, col, a,
                                            total);
}

// start(kernel) with the one for these operands.
template <int kProducts, class T, class C, class Start>
void with_kernel(const GemmProblem& p, Start start) {
  if (p.transpose_a)
    p.transpose_b ? start(mma_kernel<kProducts, true, true, T, C>)
                  : start(mma_kernel<kProducts, true, false, T, C>);
  else
    p.transpose_b ? start(mma_kernel<kProducts, false, true, T, C>)
                  : start(mma_kernel<kProducts, false, false, T, C>);
}

template <int kProducts>
void run(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
         const GemmFinish& finishing) {
  const dim3 grid(static_cast<unsigned>(divide_up(p.m, kRows) * divide_up(p.n, kCols)));
  const std::size_t shared = sizeof(Half) * planes_of(kProducts) * (kRows + kCols) * kPitch;
  const auto start = [&](auto kernel) {
    launch(queue, kernel, grid, kThreads, shared, p, operands, finishing);
  };
  if constexpr (kProducts == 1) {
    if (operands.halves && operands.half_c) return with_kernel<1, Half, Half>(p, start);
    if (operands.halves) return with_kernel<1, Half, float>(p, start);
  }
  with_kernel<kProducts, float, float>(p, start);
}

void gemm_mma(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
              const GemmFinish& finishing, int products) {
  if (products == 1)
    run<1>(queue, p, operands, finishing);
  else if (products == 3)
    run<3>(queue, p, operands, finishing);
  else
    run<6>(queue, p, operands, finishing);
}

}  // namespace

void fill_gemm_mma(Launchers& table) { table.gemm_mma = gemm_mma; }

}  // namespace densor::cuda
