// Blurred images: the weights of each image and axis, a warp each; then a pass along the rows and one along
// the columns, in the order of terms of the CPU. Reads 4 bytes an element once a tap, from cache, and writes
// 4, in both passes.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/image_blur.h"
#include "math/image_parameters.h"

namespace densor::cuda {

namespace {

// Rows of weights: of axis 0, along a row of pixels, and of axis 1. The reach comes first.
__device__ __forceinline__ std::int64_t weights_of(const BlurredImages& images) {
  return images.size.width + images.size.height + 2;
}

__global__ void weights_kernel(float* weights, std::int64_t rows, BlurredImages images) {
  const math::ImageSize& size = images.size;
  for (std::int64_t m = first_warp_item(); m < 2 * rows; m += warp_item_stride()) {
    const std::int64_t image = m / 2;
    const bool down = m % 2 == 1;
    const float* p = images.parameters + image * images.parameter_count;
    // A kernel of one tap: the image as it is.
    const std::int64_t wanted = math::happens(p) ? (down ? images.down : images.across) : 1;
    const math::BlurAxis axis =
        math::blur_axis(down ? size.height : size.width, wanted, p[down ? images.parameter_count - 1 : 2]);
    double sum = 0.0;
    for (std::int64_t t = 1 + lane_index(); t <= axis.taps / 2; t += kWarpSize)
      sum += 2.0 * math::blur_weight(axis, t);
    sum = 1.0 + warp_sum(sum);
    float* to = weights + image * weights_of(images) + (down ? size.width + 1 : 0);
    if (lane_index() == 0) to[0] = static_cast<float>(axis.reach);
    for (std::int64_t t = lane_index(); t <= axis.reach; t += kWarpSize)
      to[1 + t] = static_cast<float>(math::blur_weight(axis, t) / sum);
  }
}

// Value i of a line of n and those `step` to the left and right, twice as far, ... weighted. A line is a row
// of an image, or a whole image.
__device__ float blurred(const float* x, std::int64_t i, std::int64_t n, std::int64_t step,
                         const float* weights) {
  const auto reach = static_cast<std::int64_t>(weights[0]);
  float sum = x[i] * weights[1];
  for (std::int64_t t = 1; t <= reach && t * step < n; ++t) {
    if (i - t * step >= 0) sum = math::fma(x[i - t * step], weights[1 + t], sum);
    if (i + t * step < n) sum = math::fma(x[i + t * step], weights[1 + t], sum);
  }
  return sum;
}

__global__ void across_kernel(float* room, const float* x, const float* weights, std::int64_t rows,
                              BlurredImages images) {
  const std::int64_t line = images.size.width * images.size.channels, values = images.size.height * line;
  for (std::int64_t image = blockIdx.y; image < rows; image += gridDim.y)
    for (std::int64_t i = first_item(); i < values; i += item_stride()) {
      const std::int64_t begin = i / line * line;
      room[image * values + i] = blurred(x + image * values + begin, i - begin, line, images.size.channels,
                                         weights + image * weights_of(images));
    }
}

__global__ void down_kernel(float* y, const float* room, const float* weights, std::int64_t rows,
                            BlurredImages images) {
  const std::int64_t line = images.size.width * images.size.channels, values = images.size.height * line;
  for (std::int64_t image = blockIdx.y; image < rows; image += gridDim.y)
    for (std::int64_t i = first_item(); i < values; i += item_stride()) {
      const float* own = weights + image * weights_of(images) + images.size.width + 1;
      const float v = blurred(room + image * values, i, values, line, own);
      y[image * values + i] = math::min(math::max(v, images.low), images.high);
    }
}

void image_blur(const Queue& queue, float* y, const float* x, std::int64_t rows,
                const BlurredImages& images) {
  const std::int64_t values = images.size.size();
  float *room = queue.scratch, *weights = room + rows * values;
  launch(queue, weights_kernel, blocks_for_rows(2 * rows), kThreads, 0, weights, rows, images);
  const dim3 grid = image_grid(rows, values);
  launch(queue, across_kernel, grid, kThreads, 0, room, x, static_cast<const float*>(weights), rows, images);
  launch(queue, down_kernel, grid, kThreads, 0, y, static_cast<const float*>(room),
         static_cast<const float*>(weights), rows, images);
}

}  // namespace

void fill_image_blur(Launchers& table) { table.image_blur = image_blur; }

}  // namespace densor::cuda
