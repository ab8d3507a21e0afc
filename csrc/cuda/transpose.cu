// The axes of every row in another order; 8 bytes an element. Where the axis that is contiguous in x is not
// so in y, squares of 32 x 32 go through shared memory, so that both sides use whole cache lines.
#include "cuda/device/grid.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr int kSide = 32, kSquareRows = 8;
constexpr std::int64_t kWorthSquares = 8;  // length of an axis from which on its squares are full enough

// `in` and `out`: the distance of neighbours in x and in y.
struct Axis {
  std::int64_t size, in, out;
};

// The axes of a row of `size` elements in the order of y.
struct Axes {
  int count;
  Axis axis[math::kMaxAxes];
  std::int64_t size;
};

// Where element `index` of the axes begins in x and in y.
struct Places {
  std::int64_t in, out;
};

template <class Index>
__device__ __forceinline__ Places places_of(Index index, const Axes& axes) {
  Places at{0, 0};
  for (int k = axes.count - 1; k >= 0; --k) {
    const Axis& axis = axes.axis[k];
    const auto size = static_cast<Index>(axis.size);
    const auto i = static_cast<std::int64_t>(index % size);
    at.in += i * axis.in;
    at.out += i * axis.out;
    index /= size;
  }
  const auto row = static_cast<std::int64_t>(index);
  return {at.in + row * axes.size, at.out + row * axes.size};
}

// Element by element in the order of y. Index: the narrowest type that counts them, whose division is faster.
template <class Index>
__global__ void elements_kernel(float* y, const float* x, std::int64_t n, Axes axes) {
  for (std::int64_t i = first_item(); i < n; i += item_stride())
    y[i] = x[places_of(static_cast<Index>(i), axes).in];
}

// Squares of the axes a, contiguous in x, and b, contiguous in y; `axes` are the others.
__global__ void squares_kernel(float* y, const float* x, std::int64_t squares, Axes axes, Axis a, Axis b) {
  DENSOR_SHARED(float[kSide][kSide + 1], square);
  const std::int64_t across = divide_up(b.size, kSide), down = divide_up(a.size, kSide);
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  for (std::int64_t s = blockIdx.x; s < squares; s += gridDim.x) {
    const std::int64_t b0 = s % across * kSide, a0 = s / across % down * kSide;
    const Places at = places_of(static_cast<std::uint64_t>(s / across / down), axes);
    for (int k = ty; k < kSide; k += kSquareRows)
      if (a0 + tx < a.size && b0 + k < b.size) square[k][tx] = x[at.in + (a0 + tx) * a.in + (b0 + k) * b.in];
    __syncthreads();
    for (int k = ty; k < kSide; k += kSquareRows)
      if (b0 + tx < b.size && a0 + k < a.size) y[at.out + (a0 + k) * a.out + b0 + tx] = square[tx][k];
    __syncthreads();
  }
}

Axes axes_of(const math::AxisOrder& order) {
  Axes axes{order.count, {}, 1};
  for (int k = order.count - 1; k >= 0; --k) {
    axes.axis[k] = {order.size[k], order.stride[k], axes.size};
    axes.size *= order.size[k];
  }
  return axes;
}

// The longest axis that is contiguous in x.
int contiguous_axis(const Axes& axes) {
  int found = axes.count - 1;
  std::int64_t longest = 0;
  for (int k = 0; k < axes.count; ++k)
    if (axes.axis[k].in == 1 && axes.axis[k].size > longest) found = k, longest = axes.axis[k].size;
  return found;
}

void squares(const Queue& queue, float* y, const float* x, std::int64_t n, const Axes& axes, int contiguous) {
  const Axis a = axes.axis[contiguous], b = axes.axis[axes.count - 1];
  Axes others{0, {}, axes.size};
  for (int k = 0; k + 1 < axes.count; ++k)
    if (k != contiguous) others.axis[others.count++] = axes.axis[k];
  const std::int64_t count = n / (a.size * b.size) * divide_up(a.size, kSide) * divide_up(b.size, kSide);
  launch(queue, squares_kernel, blocks_for(count, 1), dim3(kSide, kSquareRows), 0, y, x, count, others, a, b);
}

void transpose(const Queue& queue, float* y, const float* x, std::int64_t rows,
               const math::AxisOrder& order) {
  const Axes axes = axes_of(order);
  const std::int64_t n = rows * axes.size;
  if (n == 0) return;
  const int contiguous = contiguous_axis(axes), last = axes.count - 1;
  const bool moves = contiguous != last && axes.axis[contiguous].size >= kWorthSquares &&
                     axes.axis[last].size >= kWorthSquares;
  if (moves) return squares(queue, y, x, n, axes, contiguous);
  const auto kernel = n >> 32 == 0 ? elements_kernel<std::uint32_t> : elements_kernel<std::uint64_t>;
  launch(queue, kernel, blocks_for(n), kThreads, 0, y, x, n, axes);
}

}  // namespace

void fill_transpose(Launchers& table) { table.transpose = transpose; }

}  // namespace densor::cuda
