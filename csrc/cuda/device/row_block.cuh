// A block of rows in shared memory, and products with it. The block's 256 threads stand 16 x 16 over the
// result; a thread has kM x kN elements of it in registers, quads of neighbouring columns where there are so
// many. The other operand passes through shared memory in slices of kSlice terms, in two buffers: while one
// is used, the next is on its way to registers. Every element is one chain in ascending order of its terms.
#pragma once

#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"

namespace densor::cuda {

inline constexpr int kBlockSide = 16, kBlockSlice = 16;

// The memory of a block of kHeight rows, at most kAcross numbers each.
template <int kHeight, int kAcross>
struct RowBlock {
  static constexpr int kRows = kHeight, kWidth = kAcross;
  static constexpr int kLd = kAcross + 4;  // keeps quads aligned and rows off one bank
  static constexpr int kEach = kBlockSlice * kAcross / kThreads;

  float tile[kHeight][kLd];
  float slice[2][kBlockSlice][kLd];

  // f(row, column) for the elements of the tile, neighbours to neighbouring threads.
  template <class F>
  __device__ static void each(int cols, F f) {
    const int col = static_cast<int>(threadIdx.x) % kAcross;
    if (col >= cols) return;
#pragma unroll 2
    for (int row = static_cast<int>(threadIdx.x) / kAcross; row < kHeight; row += kThreads / kAcross)
      f(row, col);
  }
};

// Element c of the kN that a thread has of a line of the result; `place`: of the thread among kBlockSide.
template <int kN>
__device__ __forceinline__ int block_column(int place, int c) {
  constexpr int kQuad = kN < 4 ? kN : 4;
  return c / kQuad * (kBlockSide * kQuad) + place * kQuad + c % kQuad;
}

// kN of the numbers from `from` on, in the places of block_column.
template <int kN>
__device__ __forceinline__ void load_columns(float (&to)[kN], const float* from, int place) {
  if constexpr (kN == 1) {
    to[0] = from[place];
  } else if constexpr (kN == 2) {
    const float2 pair = reinterpret_cast<const float2*>(from)[place];
    to[0] = pair.x, to[1] = pair.y;
  } else {
#pragma unroll
    for (int c = 0; c < kN; c += 4) {
      const float4 quad = reinterpret_cast<const float4*>(from)[c / 4 * kBlockSide + place];
      to[c] = quad.x, to[c + 1] = quad.y, to[c + 2] = quad.z, to[c + 3] = quad.w;
    }
  }
}

// Neighbours in a row of device memory of which `inside` are within the matrix: in one piece, where that can
// be.
template <int kQuad>
__device__ __forceinline__ bool in_one_piece(const float* row, int inside) {
  return kQuad == 4 && inside >= 4 && reinterpret_cast<std::uintptr_t>(row) % sizeof(float4) == 0;
}
template <int kQuad>
__device__ __forceinline__ void read_row(float* to, const float* row, int inside) {
  if (in_one_piece<kQuad>(row, inside)) {
    load_columns<kQuad>(*reinterpret_cast<float(*)[kQuad]>(to), row, 0);
    return;
  }
#pragma unroll
  for (int c = 0; c < kQuad; ++c) to[c] = c < inside ? row[c] : 0.0f;
}
template <int kQuad>
__device__ __forceinline__ void write_row(float* row, const float* from, int inside) {
  if constexpr (kQuad == 4)
    if (in_one_piece<kQuad>(row, inside)) {
      *reinterpret_cast<float4*>(row) = float4{from[0], from[1], from[2], from[3]};
      return;
    }
#pragma unroll
  for (int c = 0; c < kQuad; ++c)
    if (c < inside) row[c] = from[c];
}

// A slice of an operand: at(term, line) for kBlockSlice terms of up to kWidth lines, on its way to shared
// memory. kAlong: the terms of a line are neighbours in device memory, else the lines of a term.
template <class Block, bool kAlong>
struct BlockSlice {
  float element[Block::kEach];

  __device__ static int term(int s) {
    const int index = static_cast<int>(threadIdx.x) + s * kThreads;
    return kAlong ? index % kBlockSlice : index / Block::kWidth;
  }
  __device__ static int line(int s) {
    const int index = static_cast<int>(threadIdx.x) + s * kThreads;
    return kAlong ? index / kBlockSlice : index % Block::kWidth;
  }
  template <class At>
  __device__ __forceinline__ void load(int first, int terms, int lines, At at) {
#pragma unroll
    for (int s = 0; s < Block::kEach; ++s)
      element[s] = first + term(s) < terms && line(s) < lines ? at(first + term(s), line(s)) : 0.0f;
  }
  __device__ __forceinline__ void store(float (*to)[Block::kLd]) const {
#pragma unroll
    for (int s = 0; s < Block::kEach; ++s) to[term(s)][line(s)] = element[s];
  }
};

// add(slice, first term, terms) for all slices of an operand, the first of which is in `next`. `buffer` goes
// on from product to product: then nobody still reads where the first slice is stored. Threads may leave
// while others are at the last slice.
template <class Block, bool kAlong, class At, class Add>
__device__ __forceinline__ void each_slice(Block& block, BlockSlice<Block, kAlong>& next, int& buffer,
                                           int terms, int lines, At at, Add add) {
  for (int first = 0; first < terms; first += kBlockSlice) {
    next.store(block.slice[buffer]);
    __syncthreads();
    if (first + kBlockSlice < terms) next.load(first + kBlockSlice, terms, lines, at);
    add(block.slice[buffer], first, terms - first < kBlockSlice ? terms - first : kBlockSlice);
    buffer ^= 1;
  }
}

// The elements of a thread in a product that has the rows of the tile: rows down, down + kBlockSide, ...
template <class Block, int kN>
struct RowProduct {
  static constexpr int kM = Block::kRows / kBlockSide;
  float sum[kM][kN] = {};
  int down = static_cast<int>(threadIdx.x) / kBlockSide, across = static_cast<int>(threadIdx.x) % kBlockSide;

  // The tile's columns from `first` on times the slice.
  __device__ __forceinline__ void add(const Block& block, const float (*slice)[Block::kLd], int first,
                                      int terms) {
    int p = 0;
    for (; p + 4 <= terms; p += 4) {
      float x[kM][4], w[kN];
#pragma unroll
      for (int i = 0; i < kM; ++i) load_columns<4>(x[i], block.tile[down + i * kBlockSide] + first + p, 0);
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        load_columns(w, slice[p + q], across);
#pragma unroll
        for (int i = 0; i < kM; ++i)
#pragma unroll
          for (int c = 0; c < kN; ++c) sum[i][c] = math::fma(x[i][q], w[c], sum[i][c]);
      }
    }
    for (; p < terms; ++p) {  // zeros would turn -0 into +0 and infinities into NaN
      float w[kN];
      load_columns(w, slice[p], across);
#pragma unroll
      for (int i = 0; i < kM; ++i) {
        const float x = block.tile[down + i * kBlockSide][first + p];
#pragma unroll
        for (int c = 0; c < kN; ++c) sum[i][c] = math::fma(x, w[c], sum[i][c]);
      }
    }
  }

  // In the place of the tile, which nobody may read any more.
  __device__ __forceinline__ void store(Block& block) const {
#pragma unroll
    for (int i = 0; i < kM; ++i)
#pragma unroll
      for (int c = 0; c < kN; ++c) block.tile[down + i * kBlockSide][block_column<kN>(across, c)] = sum[i][c];
  }
};

// The elements of a thread in a product over the rows of the tile: (lines of the slices, columns of the
// tile).
template <class Block, int kM, int kN>
struct ColumnProduct {
  float sum[kM][kN] = {};
  int down = static_cast<int>(threadIdx.x) / kBlockSide, across = static_cast<int>(threadIdx.x) % kBlockSide;

  static constexpr int kQuad = kN < 4 ? kN : 4;

  // From and to a matrix (lines, cols) in device memory.
  __device__ __forceinline__ void read(const float* from, int lines, int cols) {
    each(lines, cols, [&](float* quad, int line, int col) {
      read_row<kQuad>(quad, from + line * cols + col, cols - col);
    });
  }
  __device__ __forceinline__ void write(float* to, int lines, int cols) {
    each(lines, cols, [&](const float* quad, int line, int col) {
      write_row<kQuad>(to + line * cols + col, quad, cols - col);
    });
  }

  // The slice times the tile's rows from `first` on.
  __device__ __forceinline__ void add(const Block& block, const float (*slice)[Block::kLd], int first,
                                      int terms) {
#pragma unroll 1
    for (int p = 0; p < terms; ++p) {
      float x[kM], d[kN];
      load_columns(x, slice[p], down);
      load_columns(d, block.tile[first + p], across);
#pragma unroll
      for (int i = 0; i < kM; ++i)
#pragma unroll
        for (int c = 0; c < kN; ++c) sum[i][c] = math::fma(x[i], d[c], sum[i][c]);
    }
  }

 private:
  template <class F>
  __device__ __forceinline__ void each(int lines, int cols, F f) {
#pragma unroll
    for (int i = 0; i < kM; ++i)
#pragma unroll
      for (int c = 0; c < kN; c += kQuad) {
        const int line = block_column<kM>(down, i), col = block_column<kN>(across, c);
        if (line < lines && col < cols) f(&sum[i][c], line, col);
      }
  }
};

}  // namespace densor::cuda
