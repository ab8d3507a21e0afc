// Columns that a thread has abreast: one of a float32 matrix, two of a bfloat16 matrix, four bytes of a row.
// Where rows of bfloat16 numbers do not lie in pairs, it has the first of the two, and 0 in the place of the
// second, of which nothing is stored.
#pragma once

#include "cuda/device/columns.cuh"
#include "cuda/device/half.cuh"

namespace densor::cuda {

template <class T>
inline constexpr int kAbreast = sizeof(float) / sizeof(T);

// Something of each of them.
template <class T, class V = float>
struct Abreast {
  V of[kAbreast<T>];
};

// Whether rows of `cols` numbers of all these arrays, each of which may be null, lie in pairs.
template <class... T>
bool lie_in_pairs(std::int64_t cols, const T*... arrays) {
  return ((kAbreast<T> > 1 && lies_in_pairs(arrays)) && ...) && cols % 2 == 0;
}

__device__ __forceinline__ Abreast<float> load(const float* from, bool) { return {{*from}}; }
__device__ __forceinline__ Abreast<Half> load(const Half* from, bool pairs) {
  const std::uint32_t both = pairs ? *reinterpret_cast<const std::uint32_t*>(from) : *from;
  return {{math::from_bits(both << 16), math::from_bits(both & 0xffff0000u)}};
}

// 0 where there is nothing.
template <class T>
__device__ __forceinline__ Abreast<T> load_if(bool there, const T* from, bool pairs) {
  return there ? load(from, pairs) : Abreast<T>{};
}

__device__ __forceinline__ void store(float* to, const Abreast<float>& x, bool) { *to = x.of[0]; }
__device__ __forceinline__ void store(Half* to, const Abreast<Half>& x, bool pairs) {
  if (pairs)
    put_pair(to, x.of[0], x.of[1]);
  else
    put(to, x.of[0]);
}

// The place of a thread, whose first column is `column`.
template <class T>
struct WideTile : ColumnTile {
  bool pairs;

  __device__ WideTile(const Place& at, bool in_pairs, std::int64_t rows, std::int64_t cols)
      : WideTile(in_pairs, ColumnTile(at, rows, places(in_pairs, cols))) {}
  __device__ WideTile(const Place& at, bool in_pairs, std::int64_t rows, std::int64_t cols,
                      std::int64_t part_rows)
      : WideTile(in_pairs, ColumnTile(at, rows, places(in_pairs, cols), part_rows)) {}

  static dim3 blocks(bool in_pairs, std::int64_t cols, std::int64_t parts) {
    return tile_blocks(places(in_pairs, cols), parts);
  }
  __device__ bool has(int k) const { return k == 0 || pairs; }
  // Column k of them; one that is not there may be read as the first.
  __device__ std::int64_t at(int k) const { return has(k) ? column + k : column; }

 private:
  __device__ WideTile(bool in_pairs, const ColumnTile& tile)
      : ColumnTile(tile), pairs(kAbreast<T> > 1 && in_pairs) {
    if (pairs) column *= 2;
  }
  __host__ __device__ static std::int64_t places(bool in_pairs, std::int64_t cols) {
    return kAbreast<T> > 1 && in_pairs ? cols / 2 : cols;
  }
};

// Rows of a thread that are on their way together. kAll: every one is there.
template <int kRows, bool kAll>
struct RowGroup {
  static constexpr int kCount = kRows;
  std::int64_t first;

  __device__ std::int64_t row(int r) const { return first + r * kTileWarps; }
  __device__ bool has(const ColumnTile& tile, int r) const { return kAll || row(r) < tile.end; }
};

// f(group) for all rows of a thread, kRows at a time. Those of pairs that are left over come one by one: who
// asks of every row whether it is there and whether it lies in pairs runs out of registers.
template <class T, int kRows, class F>
__device__ __forceinline__ void each_group(const WideTile<T>& tile, F f) {
  if constexpr (kAbreast<T> == 1) {
    each_rows<kRows>(tile, [&](std::int64_t i) { f(RowGroup<kRows, false>{i}); });
  } else {
    std::int64_t i = tile.begin + tile.warp;
#pragma unroll 1
    for (; i + (kRows - 1) * kTileWarps < tile.end; i += kRows * kTileWarps) f(RowGroup<kRows, true>{i});
#pragma unroll 1
    for (; i < tile.end; i += kTileWarps) f(RowGroup<1, true>{i});
  }
}

}  // namespace densor::cuda
