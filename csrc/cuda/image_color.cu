// Changes of the values of images (math/image_color_kind.h). 8 bytes an element, 12 with a second array;
// contrast and stretch read the images once more, for what they need of each channel, as does equalize, where
// a block has a channel.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/image_color.h"
#include "math/image_parameters.h"
#include "math/image_tone.h"

namespace densor::cuda {

namespace {

using math::ImageColor;
using math::ImageColors;

__device__ __forceinline__ float bounded(float v, const ImageColors& a) {
  return math::min(math::max(v, a.low), a.high);
}

// The mean of every channel of every image: a block each, in double.
__global__ void means_kernel(float* means, const float* x, std::int64_t rows, math::ImageSize size) {
  DENSOR_SHARED(double[kThreads / kWarpSize], warps);
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

struct Smaller {
  __device__ float operator()(float a, float b) const { return b < a ? b : a; }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return b > a ? b : a; }
};

// The smallest and the largest value of every channel of every image, as bytes: a block each. All threads
// begin with the first pixel: a NaN elsewhere counts for nothing, as on the CPU.
__global__ void extremes_kernel(float* extremes, const float* x, std::int64_t rows, math::ImageSize size,
                                math::ByteScale bytes) {
  const std::int64_t channels = size.channels, pixels = size.height * size.width;
  for (std::int64_t m = blockIdx.x; m < rows * channels; m += gridDim.x) {
    const float* from = x + m / channels * pixels * channels + m % channels;
    float least = bytes.to(from[0]), most = least;
    for (std::int64_t i = threadIdx.x; i < pixels; i += kThreads) {
      const float v = bytes.to(from[i * channels]);
      least = Smaller{}(least, v);
      most = Larger{}(most, v);
    }
    least = block_reduce(least, Smaller{});
    most = block_reduce(most, Larger{});
    if (threadIdx.x == 0) {
      extremes[2 * m] = least;
      extremes[2 * m + 1] = most;
    }
  }
}

// Every channel of every image through the distribution of its values: a block each. Counts are integers,
// whose sums have one value in any order.
__global__ void equalize_kernel(float* y, const float* x, std::int64_t rows, ColoredImages images) {
  DENSOR_SHARED(std::int32_t[math::kMostImageBins], counts);
  DENSOR_SHARED(float[math::kMostImageBins], table);
  DENSOR_SHARED(int, used);
  const std::int64_t channels = images.size.channels, pixels = images.size.height * images.size.width;
  const math::ByteScale bytes{images.low, images.high - images.low};
  for (std::int64_t m = blockIdx.x; m < rows * channels; m += gridDim.x) {
    const std::int64_t offset = m / channels * pixels * channels + m % channels;
    const std::int64_t bins = math::bins_of(images.parameters[m / channels * images.parameter_count]);
    const auto last = static_cast<float>(bins - 1);
    for (std::int64_t k = threadIdx.x; k < bins; k += kThreads) counts[k] = 0;
    __syncthreads();
    for (std::int64_t i = threadIdx.x; i < pixels; i += kThreads)
      atomicAdd(&counts[math::bin_of(bytes.to(x[offset + i * channels]) * last / 255.0f, bins)], 1);
    __syncthreads();
    if (threadIdx.x == 0) {
      std::int64_t first = 0, sum = 0;
      used = 0;
      for (std::int64_t k = bins - 1; k >= 0; --k)
        if (counts[k] > 0) ++used, first = counts[k];
      const auto rest = static_cast<float>(pixels - first);
      for (std::int64_t k = 0; k < bins; ++k) {
        sum += counts[k];
        table[k] = math::equalized(sum, first, rest);
      }
    }
    __syncthreads();
    for (std::int64_t i = threadIdx.x; i < pixels; i += kThreads) {
      const float v = x[offset + i * channels];
      y[offset + i * channels] =
          used <= 1 ? v : bytes.from(table[math::bin_of(bytes.to(v) / 255.0f * last, bins)]);
    }
    __syncthreads();  // the next channel takes the memory
  }
}

// Channel `channel` of a pixel with another hue or saturation.
__device__ float recolored(const float* pixel, std::int64_t channel, float turn, float saturation,
                           const ImageColors& a) {
  const float range = a.high - a.low;
  const math::Rgb c = math::recolored(
      {(pixel[0] - a.low) / range, (pixel[1] - a.low) / range, (pixel[2] - a.low) / range}, turn, saturation);
  const float v = channel == 0 ? c.red : channel == 1 ? c.green : c.blue;
  return math::within(v * range + a.low, a.low, a.high);
}

// Value `i` of the image x; `other` and `means` are those of the image.
__device__ float changed(const float* x, std::int64_t i, const float* other, const float* means,
                         const ImageColors& a) {
  const float v = x[i];
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
    case ImageColor::hue:
      return recolored(x + i / 3 * 3, i % 3, a.amount, 1.0f, a);
    case ImageColor::saturation:
      return recolored(x + i / 3 * 3, i % 3, 0.0f, a.amount, a);
    case ImageColor::gray: {
      const float* pixel = x + i / 3 * 3;
      return math::within(math::towards(v, math::luma({pixel[0], pixel[1], pixel[2]}), a.amount), a.low,
                          a.high);
    }
    case ImageColor::solarize:
      return math::solarized(v, a.amount, a.threshold, a.low, a.high);
    case ImageColor::posterize: {
      const math::ByteScale bytes{a.low, a.high - a.low};
      return bytes.from(math::posterized(bytes.to(v), a.amount));
    }
    case ImageColor::stretch: {
      const float* ends = means + 2 * (i % channels);
      return math::stretched(v, ends[0], ends[1], a.amount, {a.low, a.high - a.low});
    }
    default:
      return v;  // equalize has a kernel of its own
  }
  return v;
}

__global__ void color_kernel(float* y, const float* x, const float* means, std::int64_t rows,
                             ColoredImages images) {
  DENSOR_SHARED(ImageColors, colors);
  const std::int64_t values = images.size.height * images.size.width * images.size.channels;
  const std::int64_t of_image = images.size.channels * (images.kind == ImageColor::stretch ? 2 : 1);
  for (std::int64_t image = blockIdx.y; image < rows; image += gridDim.y) {
    __syncthreads();
    if (threadIdx.x == 0)
      colors = math::image_colors(images.kind, images.parameters + image * images.parameter_count,
                                  images.size, images.low, images.high);
    __syncthreads();
    const float* other = images.other + image * images.other_count;
    for (std::int64_t i = first_item(); i < values; i += item_stride())
      y[image * values + i] = changed(x + image * values, i, other, means + image * of_image, colors);
  }
}

void image_color(const Queue& queue, float* y, const float* x, std::int64_t rows,
                 const ColoredImages& images) {
  float* means = queue.scratch;
  const dim3 of_channels = blocks_for(rows * images.size.channels, 1);
  if (images.size.size() == 0) return;
  if (images.kind == ImageColor::equalize) {
    launch(queue, equalize_kernel, of_channels, kThreads, 0, y, x, rows, images);
    return;
  }
  if (images.kind == ImageColor::contrast)
    launch(queue, means_kernel, of_channels, kThreads, 0, means, x, rows, images.size);
  if (images.kind == ImageColor::stretch)
    launch(queue, extremes_kernel, of_channels, kThreads, 0, means, x, rows, images.size,
           math::ByteScale{images.low, images.high - images.low});
  const dim3 grid = image_grid(rows, images.size.size());
  launch(queue, color_kernel, grid, kThreads, 0, y, x, static_cast<const float*>(means), rows, images);
}

}  // namespace

void fill_image_color(Launchers& table) { table.image_color = image_color; }

}  // namespace densor::cuda
