// c = activation(a b + bias) by multiply-adds in float32 for products that are too small to fill a GPU, whose
// time is that of waiting for memory. Few elements of many terms: the eight warps of a block share the terms
// of a tile of 16 x 8, and their sums are added in order. Else a tile of 32 x 32, whose elements are one
// chain each in ascending k.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/gemm/dropout.cuh"
#include "cuda/gemm/finish.cuh"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

struct SmallMultiply {
  static constexpr PhaseKind kKind = PhaseKind::multiply;
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kRows = 16, kCols = 8,
                       kTerms = 256;           // of a tile whose terms are shared, and of its slices
  static constexpr int kSide = 32, kFew = 32;  // of the other kind
  static constexpr int kSlice = kRows * (kTerms + 1) + kTerms * kCols;
  using DropoutOfSide = TileDropout<kSide, kSide>;
  using DropoutOfRows = TileDropout<kRows, kNoiseLanes>;  // of which the tile has half
  static constexpr int kKept = DropoutOfSide::kSize;

  int m, n, k;
  bool transpose_a, transpose_b, shared;
  GemmOperands operands;
  GemmFinish finish;

  __host__ __device__ int tiles_down() const { return (m + rows() - 1) / rows(); }
  __host__ __device__ int tiles_across() const { return (n + cols() - 1) / cols(); }
  __host__ __device__ int rows() const { return shared ? kRows : kSide; }
  __host__ __device__ int cols() const { return shared ? kCols : kSide; }

  __device__ void operator()(const Place& at) const {
    // A slice, or the sums of the warps; never both at once.
    DENSOR_SHARED(float[kSlice], room);
    DENSOR_SHARED(std::uint16_t[kKept], kept);
    const int top = static_cast<int>(at.block_x) * rows(), left = static_cast<int>(at.block_y) * cols();
    const int terms = static_cast<int>(rows_of(operands.batch, k));
    if (shared)
      share_terms(room, kept, top, left, terms);
    else
      whole_terms(room, kept, top, left, terms);
    __syncthreads();  // the next tile is stored there
  }

 private:
  __device__ float a_at(int i, int p) const {
    return operands
        .a[transpose_a ? static_cast<std::int64_t>(p) * m + i : static_cast<std::int64_t>(i) * k + p];
  }
  __device__ float b_at(int p, int j) const {
    return operands
        .b[transpose_b ? static_cast<std::int64_t>(j) * k + p : static_cast<std::int64_t>(p) * n + j];
  }
  // Item `index` of lines x terms, neighbours in memory next to one another.
  __device__ static void place(int index, int lines, int terms, bool along, int& line, int& term) {
    line = along ? index / terms : index % lines;
    term = along ? index % terms : index / lines;
  }
  __device__ GemmProblem problem() const { return {m, n, k, transpose_a, transpose_b}; }

  // Element (i, j), and its bit of dropout's mask.
  template <class Dropout>
  __device__ bool store(int i, int j, float sum, const Dropout& dropout) const {
    if (i >= m || j >= n) return false;
    const std::int64_t at = static_cast<std::int64_t>(i) * n + j;
    if (finish.other()) {
      store_activated<float>(finish, problem(), operands, i, j, sum);
      return false;
    }
    sum = finished<float>(finish, problem(), i, j, sum, dropout);
    operands.c[at] = sum;
    if (finish.slope.other()) multiply_stored(finish.slope, operands.c, at);
    return finish.drops() && dropout.passes(i, j, sum);
  }

  // sum += the products of two rows with two columns, of one term.
  __device__ static void add_products(float (&sum)[2][2], float x0, float x1, float y0, float y1) {
    sum[0][0] = math::fma(x0, y0, sum[0][0]);
    sum[0][1] = math::fma(x0, y1, sum[0][1]);
    sum[1][0] = math::fma(x1, y0, sum[1][0]);
    sum[1][1] = math::fma(x1, y1, sum[1][1]);
  }

  // kLines lines of an operand times kCount terms from `first` on, at to[line * line_step + term *
  // term_step].
  template <int kLines, int kCount, class At>
  __device__ static void load(float* to, int line_step, int term_step, int first_line, int lines, int first,
                              int last, bool along, At at) {
    constexpr int kEach = kLines * kCount / kThreads;
    float value[kEach];
#pragma unroll
    for (int s = 0; s < kEach; ++s) {
      int line, term;
      place(static_cast<int>(threadIdx.x) + s * kThreads, kLines, kCount, along, line, term);
      const bool inside = first_line + line < lines && first + term < last;
      value[s] = inside ? at(first_line + line, first + term) : 0.0f;
    }
#pragma unroll
    for (int s = 0; s < kEach; ++s) {
      int line, term;
      place(static_cast<int>(threadIdx.x) + s * kThreads, kLines, kCount, along, line, term);
      to[line * line_step + term * term_step] = value[s];
    }
  }

  __device__ void share_terms(float* room, std::uint16_t* kept, int top, int left, int count) const {
    static_assert(DropoutOfRows::kSize <= kKept && kNoiseLanes % kCols == 0);
    const DropoutOfRows dropout(finish, problem(), top, left / kNoiseLanes * kNoiseLanes, kept);
    if (finish.drops()) dropout.draw(static_cast<int>(threadIdx.x), kThreads);
    float* a = room;                         // [kRows][kTerms + 1]
    float* b = room + kRows * (kTerms + 1);  // [kTerms][kCols]
    const int warp = static_cast<int>(threadIdx.x) / kWarpSize, lane = lane_index();
    const int row = lane / 4 * 2, col = lane % 4 * 2;
    float sum[2][2] = {};
    for (int first = 0; first < count; first += kTerms) {
      load<kRows, kTerms>(a, kTerms + 1, 1, top, m, first, count, !transpose_a,
                          [this](int i, int p) { return a_at(i, p); });
      load<kCols, kTerms>(b, 1, kCols, left, n, first, count, transpose_b,
                          [this](int j, int p) { return b_at(p, j); });
      __syncthreads();
      const int terms = count - first < kTerms ? count - first : kTerms, part = (terms + kWarps - 1) / kWarps;
      const int end = (warp + 1) * part < terms ? (warp + 1) * part : terms;
      for (int p = warp * part; p < end; ++p) {
        const float* x = a + row * (kTerms + 1) + p;
        const float* y = b + p * kCols + col;
        add_products(sum, x[0], x[kTerms + 1], y[0], y[1]);
      }
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int c = 0; c < 2; ++c) room[(warp * kRows + row + r) * kCols + col + c] = sum[r][c];
    __syncthreads();
    const int element = static_cast<int>(threadIdx.x);
    if (element >= kRows * kCols) return;
    float total = room[element];
    for (int w = 1; w < kWarps; ++w) total += room[w * kRows * kCols + element];
    const int i = top + element / kCols, j = left + element % kCols;
    const bool passes = store(i, j, total, dropout);
    if (!finish.drops()) return;
    dropout.put_neighbours<1>(i, j, passes);
    // The other half of the last word, which no tile has.
    if (i < m && j % kNoiseLanes == 0 && j + kCols >= n)
      put_mask_byte(finish.dropout.mask, i, j + kCols, n, 0);
  }

  __device__ void whole_terms(float* room, std::uint16_t* kept, int top, int left, int count) const {
    constexpr int kSkewed = kSide + 2;            // keeps pairs aligned and columns off one bank
    float *a = room, *b = room + kFew * kSkewed;  // [term][line]
    const int row = static_cast<int>(threadIdx.x) / 16 * 2, col = static_cast<int>(threadIdx.x) % 16 * 2;
    const DropoutOfSide dropout(finish, problem(), top, left, kept);
    if (finish.drops()) {
      dropout.draw(static_cast<int>(threadIdx.x), kThreads);
      __syncthreads();  // there may be no terms
    }
    float sum[2][2] = {};
    for (int first = 0; first < count; first += kFew) {
      load<kSide, kFew>(a, 1, kSkewed, top, m, first, count, !transpose_a,
                        [this](int i, int p) { return a_at(i, p); });
      load<kSide, kFew>(b, 1, kSkewed, left, n, first, count, transpose_b,
                        [this](int j, int p) { return b_at(p, j); });
      __syncthreads();
      const int terms = count - first < kFew ? count - first : kFew;
      for (int p = 0; p < terms; ++p) {
        const float* x = a + p * kSkewed + row;
        const float* y = b + p * kSkewed + col;
        add_products(sum, x[0], x[1], y[0], y[1]);
      }
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      unsigned bits = 0;
#pragma unroll
      for (int c = 0; c < 2; ++c)
        if (store(top + row + r, left + col + c, sum[r][c], dropout)) bits |= 1u << c;
      if (finish.drops()) dropout.put_neighbours<2>(top + row + r, left + col, bits);
    }
  }
};

}  // namespace densor::cuda
