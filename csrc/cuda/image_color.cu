// Changes of the values of images (math/image_color_kind.h). 8 bytes an element, 12 with a second array;
// contrast reads the images once more, for their means.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/image_color.h"
#include "math/image_parameters.h"

namespace densor::cuda {

namespace {

using math::ImageColor;
using math::ImageColors;

__device__ __forceinline__ float bounded(float v, const ImageColors& a) {
  return math::min(math::max(v, a.low), a.high);
}

// The mean of every channel of every image: a block each, in double.
__global__ void means_kernel(float* means, const float* x, std::int64_t rows, math::ImageSize size) {
  __shared__ double warps[kThreads / kWarpSize];
  const std::int64_t channels = size.channels, pixels = size.height * size.width;
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t m = blockIdx.x; m < rows * channels; m += gridDim.x) {
    const float* from = x + m / channels * pixels * channels + m % channels;
    double sum = 0.0;
    for (std::int64_t i = thread; i < pixels; i += kThreads) sum += static_cast<double>(from[i * channels]);
    sum = warp_sum(sum);
    if (lane_index() == 0) warps[thread / kWarpSize] = sum;
    __syncthreads();
    if (thread == 0) {
      for (int w = 1; w < kThreads / kWarpSize; ++w) sum += warps[w];
      means[m] = static_cast<float>(sum / static_cast<double>(pixels));
    }
    __syncthreads();
  }
}

// Value `i` of an image whose value there is v; `other` and `means` are those of the image.
__device__ float changed(float v, std::int64_t i, const float* other, const float* means,
                         const ImageColors& a) {
  const std::int64_t channels = a.size.channels;
  switch (a.kind) {
    case ImageColor::brightness:
      return bounded(v + a.amount * (a.high - a.low), a);
    case ImageColor::contrast: {
      const float mean = means[i % channels];
      return bounded((v - mean) * a.amount + mean, a);
    }
    case ImageColor::gamma:
      return math::gamma_corrected(v, a.amount, a.low, a.high);
    case ImageColor::invert:
      return a.happens ? a.high - v : v;
    case ImageColor::blend:
      return bounded(math::fma(other[i] - v, a.amount, v), a);
    case ImageColor::salt: {
      const float half = 0.5f * a.amount, noise = other[i / channels];
      return noise < half ? a.low : noise >= 1.0f - half ? a.high : v;
    }
    case ImageColor::erase: {
      const std::int64_t pixel = i / channels, row = pixel / a.size.width, col = pixel % a.size.width;
      const bool erased =
          a.happens && row >= a.box.top && row < a.box.bottom && col >= a.box.left && col < a.box.right;
      return erased ? bounded(other[i], a) : v;
    }
    default:
      return v;  // refused by the op
  }
  return v;
}

__global__ void color_kernel(float* y, const float* x, const float* means, std::int64_t rows,
                             ColoredImages images) {
  __shared__ ImageColors colors;
  const std::int64_t values = images.size.height * images.size.width * images.size.channels;
  for (std::int64_t image = blockIdx.y; image < rows; image += gridDim.y) {
    __syncthreads();
    if (threadIdx.x == 0)
      colors = math::image_colors(images.kind, images.parameters + image * images.parameter_count,
                                  images.size, images.low, images.high);
    __syncthreads();
    const float* other = images.other + image * images.other_count;
    for (std::int64_t i = first_item(); i < values; i += item_stride())
      y[image * values + i] =
          changed(x[image * values + i], i, other, means + image * images.size.channels, colors);
  }
}

void image_color(const Queue& queue, float* y, const float* x, std::int64_t rows,
                 const ColoredImages& images) {
  float* means = queue.scratch;
  if (images.kind == ImageColor::contrast)
    launch(queue, means_kernel, blocks_for(rows * images.size.channels, 1), kThreads, 0, means, x, rows,
           images.size);
  const dim3 grid = image_grid(rows, images.size.size());
  launch(queue, color_kernel, grid, kThreads, 0, y, x, static_cast<const float*>(means), rows, images);
}

}  // namespace

void fill_image_color(Launchers& table) { table.image_color = image_color; }

}  // namespace densor::cuda
