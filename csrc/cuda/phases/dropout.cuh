// y = keep ? x scale + shift : dropped with the mask of what was kept, and dx from dy by the same mask; the
// masks are those of the CPU bit for bit. 8 bytes and a bit an element.
#pragma once

#include "cuda/device/dropout.cuh"
#include "cuda/phases/batch.cuh"

namespace densor::cuda {

struct DropoutForward {
  static constexpr PhaseKind kKind = PhaseKind::dropout_forward;
  float* y;
  std::uint16_t* mask;
  const float* x;
  std::int64_t rows, cols;
  const Batch* batch;
  Noise noise;
  std::uint32_t threshold;
  math::DropoutMap map;
  bool positive;  // x is the output of relu, for whose derivative the mask stands, too

  __device__ void operator()(const Place& at_grid) const {
    const auto blocks = static_cast<std::uint32_t>(divide_up(cols, kDropoutColumns));
    const std::int64_t words = math::mask_words(cols), warps = divide_up(rows * blocks, 2);
    for (std::int64_t warp = at_grid.first_warp_item(); warp < warps; warp += at_grid.warp_item_stride()) {
      const NoisePlace at = noise_place(warp * kWarpSize + lane_index(), blocks);
      const NoiseWords bits = at.words(noise, batch->step);
      std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
      for (int g = 0; g < kDropoutGroups; ++g) {
        const std::int64_t col = at.block * kDropoutColumns + g * kNoiseLanes + at.lane,
                           i = at.row * cols + col;
        const bool inside = at.row < rows && col < cols, keep = half_word(bits, g) >= threshold;
        const float value = inside ? x[i] : 0.0f;
        if (inside) y[i] = keep ? math::fma(value, map.scale, map.shift) : map.dropped;
        const std::uint32_t word = mask_word(inside && keep && (!positive || value > 0.0f));
        if (at.lane == static_cast<std::uint32_t>(g)) own = word;
      }
      const std::int64_t w = static_cast<std::int64_t>(at.block) * kDropoutGroups + at.lane;
      if (at.row < rows && at.lane < kDropoutGroups && w < words)
        mask[at.row * words + w] = static_cast<std::uint16_t>(own);
    }
  }
};

struct DropoutBackward {
  static constexpr PhaseKind kKind = PhaseKind::dropout_backward;
  float* dx;
  const float* dy;
  const std::uint16_t* mask;
  std::int64_t rows, cols;
  float scale;

  __device__ void operator()(const Place& at) const {
    const std::int64_t words = math::mask_words(cols);
    for (std::int64_t i = at.first_row(); i < rows; i += at.row_stride())
      for (std::int64_t j = at.first_item(); j < cols; j += at.item_stride()) {
        const bool keep = (mask[i * words + j / kNoiseLanes] >> (j % kNoiseLanes) & 1) != 0;
        dx[i * cols + j] = keep ? dy[i * cols + j] * scale : 0.0f;
      }
  }
};

}  // namespace densor::cuda
