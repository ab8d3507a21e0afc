// Warped images (cpu/generic/image_warp.h says how): one kernel makes the map of each image from its random
// numbers, the next reads every pixel. In doubles, as on the CPU. Reads 4 bytes an element four times, from
// cache, writes 4.
#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/table.h"
#include "math/image_parameters.h"

namespace densor::cuda {

namespace {

using math::ImageSampling;

__global__ void maps_kernel(WarpMap* maps, std::int64_t rows, WarpedImages images) {
  const math::ImageSampling& s = images.sampling;
  const math::ImageSize target{s.out_height, s.out_width, s.size.channels};
  for (std::int64_t i = first_item(); i < rows; i += item_stride()) {
    const float* p = images.parameters + i * images.parameter_count;
    maps[i] = {math::projection_of(images.kind, p, s.size, target),
               images.field != nullptr ? math::field_reach(p, s.size) : 0.0};
  }
}

// The four pixels around a place, and their shares.
struct Corners {
  std::int64_t left, top;
  float share[4];
};

__device__ Corners corners_of(double u, double v, bool nearest) {
  constexpr double kFar = 1e9;  // behind the horizon of a projection
  if (!(fabs(u) < kFar && fabs(v) < kFar)) u = v = -kFar;
  if (nearest) {
    u = nearbyint(u);
    v = nearbyint(v);
  }
  const double left = floor(u), top = floor(v);
  const auto right_share = static_cast<float>(u - left), low_share = static_cast<float>(v - top);
  return {static_cast<std::int64_t>(left),
          static_cast<std::int64_t>(top),
          {(1.0f - low_share) * (1.0f - right_share), (1.0f - low_share) * right_share,
           low_share * (1.0f - right_share), low_share * right_share}};
}

// All channels of a place near the border or beyond.
__device__ void sample_border(float* out, const float* x, const Corners& at, const ImageSampling& s) {
  const std::int64_t channels = s.size.channels;
  for (std::int64_t c = 0; c < channels; ++c) out[c] = 0.0f;
#pragma unroll
  for (int corner = 0; corner < 4; ++corner) {
    if (at.share[corner] == 0.0f) continue;
    const std::int64_t row = math::pixel_inside(at.top + corner / 2, s.size.height, s.fill);
    const std::int64_t col = math::pixel_inside(at.left + corner % 2, s.size.width, s.fill);
    const bool filled = row < 0 || col < 0;
    const float* from = filled ? x : x + (row * s.size.width + col) * channels;
    for (std::int64_t c = 0; c < channels; ++c)
      out[c] += at.share[corner] * (filled ? s.fill_value : from[c]);
  }
}

__device__ void sample(float* out, const float* x, const Corners& at, const ImageSampling& s) {
  const std::int64_t channels = s.size.channels, row = s.size.width * channels;
  const std::int64_t i = at.top, j = at.left;
  if (i < 0 || j < 0 || i + 1 >= s.size.height || j + 1 >= s.size.width) return sample_border(out, x, at, s);
  const float* from = x + i * row + j * channels;
  for (std::int64_t c = 0; c < channels; ++c)
    out[c] = at.share[0] * from[c] + at.share[1] * from[channels + c] +
             (at.share[2] * from[row + c] + at.share[3] * from[row + channels + c]);
}

// A thread a pixel; image by image along y.
__global__ void warp_kernel(float* y, const float* x, const WarpMap* maps, std::int64_t rows,
                            WarpedImages images) {
  const ImageSampling& s = images.sampling;
  const std::int64_t pixels = s.out_height * s.out_width, channels = s.size.channels;
  const auto width = static_cast<std::uint32_t>(s.out_width);
  for (std::int64_t image = blockIdx.y; image < rows; image += gridDim.y) {
    const WarpMap& map = maps[image];
    const math::Projection& p = map.projection;
    const float* from = x + image * s.size.height * s.size.width * channels;
    for (std::int64_t pixel = first_item(); pixel < pixels; pixel += item_stride()) {
      const double down = static_cast<double>(static_cast<std::uint64_t>(pixel) / width);
      const double right = static_cast<double>(static_cast<std::uint64_t>(pixel) % width);
      const double d = p.c0 * right + (p.c1 * down + 1.0);
      double u = (p.a0 * right + (p.a1 * down + p.a2)) / d, v = (p.b0 * right + (p.b1 * down + p.b2)) / d;
      const std::int64_t at = image * pixels + pixel;
      if (images.field != nullptr) {
        u += map.reach * static_cast<double>(images.field[2 * at]);
        v += map.reach * static_cast<double>(images.field[2 * at + 1]);
      }
      sample(y + at * channels, from, corners_of(u, v, s.nearest), s);
    }
  }
}

void image_warp(const Queue& queue, float* y, const float* x, std::int64_t rows, const WarpedImages& images) {
  auto* maps = reinterpret_cast<WarpMap*>(queue.scratch);
  launch(queue, maps_kernel, blocks_for(rows), kThreads, 0, maps, rows, images);
  const std::int64_t pixels = images.sampling.out_height * images.sampling.out_width;
  const dim3 grid = image_grid(rows, pixels);
  launch(queue, warp_kernel, grid, kThreads, 0, y, x, static_cast<const WarpMap*>(maps), rows, images);
}

}  // namespace

void fill_image_warp(Launchers& table) { table.image_warp = image_warp; }

}  // namespace densor::cuda
