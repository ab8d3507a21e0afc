// Dropout: phases/dropout.cuh, and the same with noise that several elements share.
#include "cuda/phases/dropout.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

// Where the noise of column `col` lies in the smaller array of its row.
__device__ __forceinline__ std::int64_t spread_column(const math::NoiseSpread& spread, std::int64_t col) {
  auto rest = static_cast<std::uint32_t>(col);
  std::int64_t at = 0;
  for (int axis = spread.count - 1; axis >= 0; --axis) {
    const auto size = static_cast<std::uint32_t>(spread.size[axis]);
    at += rest % size * spread.stride[axis];
    rest /= size;
  }
  return at;
}

// Sixteen lanes for each word of the mask; noise that is shared is drawn by each that needs it.
__global__ void spread_kernel(float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
                              std::int64_t cols, const Batch* batch, Noise noise, std::uint32_t threshold,
                              math::DropoutMap map, math::NoiseSpread spread) {
  const auto words = static_cast<std::uint32_t>(math::mask_words(cols));
  const std::int64_t warps = divide_up(rows * words, 2);
  for (std::int64_t warp = first_warp_item(); warp < warps; warp += warp_item_stride()) {
    const NoisePlace at = noise_place(warp * kWarpSize + lane_index(), words);
    const std::int64_t col = static_cast<std::int64_t>(at.block) * kNoiseLanes + at.lane;
    const bool inside = at.row < rows && col < cols;
    bool keep = false;
    if (inside) {
      const std::int64_t from = spread_column(spread, col);
      const NoisePlace drawn{spread.shared ? 0 : at.row, static_cast<std::uint32_t>(from / kDropoutColumns),
                             static_cast<std::uint32_t>(from % kNoiseLanes)};
      const int group = static_cast<int>(from % kDropoutColumns) / kNoiseLanes;
      keep = half_word(drawn.words(noise, batch->step), group) >= threshold;
      const std::int64_t i = at.row * cols + col;
      y[i] = keep ? x[i] * map.scale + map.shift : map.dropped;
    }
    const std::uint32_t word = mask_word(keep);
    if (at.row < rows && at.lane == 0) mask[at.row * words + at.block] = static_cast<std::uint16_t>(word);
  }
}

void forward(const Queue& queue, float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
             std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map) {
  const std::int64_t threads = rows * divide_up(cols, kDropoutColumns) * kNoiseLanes;
  launch_phase(queue, DropoutForward{y, mask, x, rows, cols, queue.batch, noise, threshold, map},
               blocks_for(threads), kThreads, {span(x, rows * cols), span(queue.batch)},
               {span(y, rows * cols), span(mask, rows * math::mask_words(cols))});
}

void spread(const Queue& queue, float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
            std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map,
            const math::NoiseSpread& spread) {
  const std::int64_t threads = rows * math::mask_words(cols) * kNoiseLanes;
  launch(queue, spread_kernel, blocks_for(threads), kThreads, 0, y, mask, x, rows, cols, queue.batch, noise,
         threshold, map, spread);
}

void backward(const Queue& queue, float* dx, const float* dy, const std::uint16_t* mask, std::int64_t rows,
              std::int64_t cols, float scale) {
  const Tiling tiling = tiling_for(rows, cols);
  launch_phase(queue, DropoutBackward{dx, dy, mask, rows, cols, scale}, tiling.grid, tiling.block,
               {span(dy, rows * cols), span(mask, rows * math::mask_words(cols))}, {span(dx, rows * cols)});
}

}  // namespace

void fill_dropout(Launchers& table) {
  table.dropout_forward = forward;
  table.dropout_spread = spread;
  table.dropout_backward = backward;
}

}  // namespace densor::cuda
