// c = activation(a b + bias), or the gradient c = slope (a b^T), by multiply-adds in float32, on every
// architecture. Each element is one chain in ascending k: the bits are those of the FMA targets of the CPU
// wherever these have one chain, too.
//
// A block has a tile of c, a thread kM x kN of its elements in registers. Slices of kSlice terms of a and b
// pass through two buffers in shared memory: while one is used, the next is on its way to registers.
#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/gemm/dropout.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr int kSlice = 16, kSkew = 4;  // the skew keeps transposed stores off one bank

// How a block of kThreads threads covers kRows x kCols of c.
template <int kRows, int kCols, int kM, int kN>
struct Tiling {
  static constexpr int rows = kRows, cols = kCols, m = kM, n = kN;
  static constexpr int threads = (kRows / kM) * (kCols / kN);
  // On a multiprocessor. Left to itself the compiler goes for more of the middle tile, and spills.
  static constexpr int blocks = kM * kN == 16 ? 2 : 1;
};

// A slice of an operand on its way: `kLength` rows of a (or columns of b) times kSlice terms. `kAlong`: the
// terms of a row follow one another in memory.
template <int kLength, int kThreadCount, bool kAlong>
struct Slice {
  static constexpr int count = kLength * kSlice / kThreadCount;
  float element[count];

  __device__ static int line(int thread, int s) {
    const int index = thread + s * kThreadCount;
    return kAlong ? index / kSlice : index % kLength;
  }
  __device__ static int term(int thread, int s) {
    const int index = thread + s * kThreadCount;
    return kAlong ? index % kSlice : index / kLength;
  }
  __device__ void load(const float* x, std::int64_t lines, std::int64_t k, std::int64_t first_line,
                       std::int64_t first_term, int thread) {
#pragma unroll
    for (int s = 0; s < count; ++s) {
      const std::int64_t i = first_line + line(thread, s), p = first_term + term(thread, s);
      const bool inside = i < lines && p < k;
      element[s] = inside ? x[kAlong ? i * k + p : p * lines + i] : 0.0f;
    }
  }
  __device__ void store(float (*to)[kLength + kSkew], int thread) const {
#pragma unroll
    for (int s = 0; s < count; ++s) to[term(thread, s)][line(thread, s)] = element[s];
  }
};

template <class T>
__device__ __forceinline__ void add_slice(float (&sum)[T::m][T::n], const float (*a)[T::rows + kSkew],
                                          const float (*b)[T::cols + kSkew], int row, int col, int terms) {
#pragma unroll
  for (int p = 0; p < kSlice; ++p) {
    if (p >= terms) return;  // zeros would turn -0 into +0 and infinities into NaN
    float x[T::m], y[T::n];
#pragma unroll
    for (int i = 0; i < T::m; ++i) x[i] = a[p][row + i];
#pragma unroll
    for (int j = 0; j < T::n; ++j) y[j] = b[p][col + j];
#pragma unroll
    for (int i = 0; i < T::m; ++i)
#pragma unroll
      for (int j = 0; j < T::n; ++j) sum[i][j] = math::fma(x[i], y[j], sum[i][j]);
  }
}

// The sums over a block's results, which are in `sum`; `room`: shared memory that nobody uses any more.
template <class T, bool kTransposeA, bool kTransposeB>
__device__ __forceinline__ void leave_sums(const GemmProblem& p, const GemmFinish& finish, void* room,
                                           const GemmTile& tile, int row, int col,
                                           const float (&sum)[T::m][T::n]) {
  if constexpr (!kTransposeA && !kTransposeB) {
    if (finish.sums.moments == nullptr) return;
    float rows = tile.rows_below(rows_of(finish.sums.batch, p.m), row, T::m);
    ColumnMoments of[T::n];
#pragma unroll
    for (int j = 0; j < T::n; ++j) {
      float column[T::m];
#pragma unroll
      for (int i = 0; i < T::m; ++i) column[i] = seen(finish.sums, sum[i][j]);
      of[j] = moments_of_rows(column, rows);
    }
    share_columns<16, T::n>(of, rows);
    auto* strips = static_cast<ColumnMoments*>(room);
    const int thread = static_cast<int>(threadIdx.x), first = col + (lane_index() < 16 ? 0 : T::n / 2);
    __syncthreads();
#pragma unroll
    for (int j = 0; j < T::n / 2; ++j) strips[thread / kWarpSize * T::cols + first + j] = of[j];
    __syncthreads();
    leave_moments(finish.sums, p, tile, strips, T::rows / (2 * T::m), thread, T::threads);
  } else if constexpr (kTransposeA && !kTransposeB) {
    if (finish.sums.squares == nullptr) return;
    double squares = 0.0;
#pragma unroll
    for (int i = 0; i < T::m; ++i)
#pragma unroll
      for (int j = 0; j < T::n; ++j)
        if (tile.has(p, row + i, col + j)) squares += square(sum[i][j]);
    squares = block_sum(squares);
    if (threadIdx.x == 0) finish.sums.squares[blockIdx.y * gridDim.x + blockIdx.x] = squares;
  }
}

// All results of a thread, where the activation is not relu. Four at a time would take more registers than
// the loop before, and room from other blocks.
template <class T>
__device__ __forceinline__ void activate(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                         std::int64_t top, std::int64_t left,
                                         const float (&sum)[T::m][T::n]) {
  float sums[T::m * T::n];
#pragma unroll
  for (int e = 0; e < T::m * T::n; ++e) sums[e] = sum[e / T::n][e % T::n];
  activate_sums<float, 2>(f, p, o, sums, [&](int e) { return GemmPlace{top + e / T::n, left + e % T::n}; });
}

// What a thread has of a tile: c = what becomes of the sums, which `sum` is then.
template <class T, bool kSlope, class Dropout>
__device__ __forceinline__ void store(const GemmProblem& p, const GemmOperands& o, const GemmFinish& f,
                                      std::int64_t top, std::int64_t left, float (&sum)[T::m][T::n],
                                      const Dropout& dropout) {
#pragma unroll
  for (int i = 0; i < T::m; ++i)
#pragma unroll
    for (int j = 0; j < T::n; ++j)
      if (top + i < p.m && left + j < p.n)
        o.c[(top + i) * p.n + left + j] = sum[i][j] =
            finished<float, kSlope>(f, p, top + i, left + j, sum[i][j], dropout);
}

// The mask of what dropout has left of them.
template <class T, class Dropout>
__device__ __forceinline__ void put_mask(const Dropout& dropout, std::int64_t top, std::int64_t left,
                                         const float (&sum)[T::m][T::n]) {
#pragma unroll
  for (int i = 0; i < T::m; ++i) {
    unsigned bits = 0;
#pragma unroll
    for (int j = 0; j < T::n; ++j)
      if (dropout.passes(top + i, left + j, sum[i][j])) bits |= 1u << j;
    dropout.template put_neighbours<T::n>(top + i, left, bits);
  }
}

template <class T, bool kTransposeA, bool kTransposeB>
__global__ void __launch_bounds__(T::threads, T::blocks)
    simt_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finish) {
  DENSOR_SHARED(float[2][kSlice][T::rows + kSkew], a);
  DENSOR_SHARED(float[2][kSlice][T::cols + kSkew], b);
  constexpr bool kForward = !kTransposeA && !kTransposeB, kSlope = !kTransposeA && kTransposeB;
  using Dropout = TileDropout<T::rows, T::cols>;
  DENSOR_SHARED(std::uint16_t[kForward ? Dropout::kSize : 1], kept);
  const int thread = static_cast<int>(threadIdx.x);
  const int row = thread / (T::cols / T::n) * T::m, col = thread % (T::cols / T::n) * T::n;
  const auto down = static_cast<unsigned>(divide_up(problem.m, T::rows));
  const std::int64_t top = static_cast<std::int64_t>(blockIdx.x % down) * T::rows;
  const std::int64_t left = static_cast<std::int64_t>(blockIdx.x / down) * T::cols;
  const std::int64_t terms = rows_of(operands.batch, problem.k);
  const Dropout dropout(finish, problem, top, left, kept);
  if (kForward && finish.drops()) dropout.draw(thread, T::threads);
  float sum[T::m][T::n] = {};
  Slice<T::rows, T::threads, !kTransposeA> next_a;
  Slice<T::cols, T::threads, kTransposeB> next_b;
  next_a.load(operands.a, problem.m, terms, top, 0, thread);
  next_b.load(operands.b, problem.n, terms, left, 0, thread);
  int buffer = 0;
  for (std::int64_t p = 0; p < terms; p += kSlice) {
    next_a.store(a[buffer], thread);
    next_b.store(b[buffer], thread);
    __syncthreads();
    if (p + kSlice < terms) {
      next_a.load(operands.a, problem.m, terms, top, p + kSlice, thread);
      next_b.load(operands.b, problem.n, terms, left, p + kSlice, thread);
    }
    const std::int64_t rest = terms - p;
    add_slice<T>(sum, a[buffer], b[buffer], row, col, rest < kSlice ? static_cast<int>(rest) : kSlice);
    buffer ^= 1;
  }
  if constexpr (kForward) {
    if (finish.other()) return activate<T>(problem, operands, finish, top + row, left + col, sum);
    if (terms == 0) __syncthreads();  // what is kept was drawn before the terms
    store<T, kSlope>(problem, operands, finish, top + row, left + col, sum, dropout);
    if (finish.drops()) put_mask<T>(dropout, top + row, left + col, sum);
  } else {
    store<T, kSlope>(problem, operands, finish, top + row, left + col, sum, NoDropout{});
  }
  if constexpr (kSlope)
    multiply_gradient<float, 4, T::m * T::n>(problem, operands, finish.slope, [&](int e) {
      return GemmPlace{top + row + e / T::n, left + col + e % T::n};
    });
  leave_sums<T, kTransposeA, kTransposeB>(problem, finish, a, {top, left, T::rows, T::cols}, row, col, sum);
}

template <class T>
void run(const Queue& queue, const GemmProblem& p, const GemmOperands& operands, const GemmFinish& finish) {
  const dim3 grid(static_cast<unsigned>(divide_up(p.m, T::rows) * divide_up(p.n, T::cols)));
  const auto start = [&](auto kernel) { launch(queue, kernel, grid, T::threads, 0, p, operands, finish); };
  if (p.transpose_a)
    p.transpose_b ? start(simt_kernel<T, true, true>) : start(simt_kernel<T, true, false>);
  else
    p.transpose_b ? start(simt_kernel<T, false, true>) : start(simt_kernel<T, false, false>);
}

void gemm_simt(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
               const GemmFinish& finish) {
  const int side = simt_tile(p);
  if (side == 128)
    run<Tiling<128, 128, 8, 8>>(queue, p, operands, finish);
  else if (side == 64)
    run<Tiling<64, 64, 4, 4>>(queue, p, operands, finish);
  else
    run<Tiling<32, 32, 2, 2>>(queue, p, operands, finish);
}

}  // namespace

void fill_gemm_simt(Launchers& table) { table.gemm_simt = gemm_simt; }

}  // namespace densor::cuda
