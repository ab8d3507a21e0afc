// y = keep ? x scale + shift : dropped with the mask of what was kept, and dx from dy by the same mask; the
// masks are those of the CPU bit for bit. 8 bytes and a bit an element.
#include "cuda/device/noise.cuh"
#include "cuda/device/reduce.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

constexpr std::int64_t kColumns = 128;  // of a block of noise: eight 16-bit halves for each of sixteen lanes
constexpr int kGroups = 8;              // of sixteen columns, a word of the mask each

__device__ __forceinline__ std::uint32_t half_word(const NoiseWords& words, int group) {
  const std::uint32_t word = words.word[group / 2];
  return group % 2 == 0 ? word & 0xffffu : word >> 16;
}

// Of each sixteen lanes of the warp, the bits of those that keep.
__device__ __forceinline__ std::uint32_t mask_word(bool keep) {
  return __ballot_sync(kAllLanes, keep) >> (lane_index() / kNoiseLanes * kNoiseLanes) & 0xffffu;
}

__global__ void forward_kernel(float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
                               std::int64_t cols, const Batch* batch, Noise noise, std::uint32_t threshold,
                               math::DropoutMap map) {
  const auto blocks = static_cast<std::uint32_t>(divide_up(cols, kColumns));
  const std::int64_t words = math::mask_words(cols), warps = divide_up(rows * blocks, 2);
  for (std::int64_t warp = first_warp_item(); warp < warps; warp += warp_item_stride()) {
    const NoisePlace at = noise_place(warp * kWarpSize + lane_index(), blocks);
    const NoiseWords bits = at.words(noise, batch->step);
    std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      const std::int64_t col = at.block * kColumns + g * kNoiseLanes + at.lane, i = at.row * cols + col;
      const bool inside = at.row < rows && col < cols, keep = half_word(bits, g) >= threshold;
      if (inside) y[i] = keep ? math::fma(x[i], map.scale, map.shift) : map.dropped;
      const std::uint32_t word = mask_word(inside && keep);
      if (at.lane == static_cast<std::uint32_t>(g)) own = word;
    }
    const std::int64_t w = static_cast<std::int64_t>(at.block) * kGroups + at.lane;
    if (at.row < rows && at.lane < kGroups && w < words)
      mask[at.row * words + w] = static_cast<std::uint16_t>(own);
  }
}

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
      const NoisePlace drawn{spread.shared ? 0 : at.row, static_cast<std::uint32_t>(from / kColumns),
                             static_cast<std::uint32_t>(from % kNoiseLanes)};
      const int group = static_cast<int>(from % kColumns) / kNoiseLanes;
      keep = half_word(drawn.words(noise, batch->step), group) >= threshold;
      const std::int64_t i = at.row * cols + col;
      y[i] = keep ? x[i] * map.scale + map.shift : map.dropped;
    }
    const std::uint32_t word = mask_word(keep);
    if (at.row < rows && at.lane == 0) mask[at.row * words + at.block] = static_cast<std::uint16_t>(word);
  }
}

__global__ void backward_kernel(float* dx, const float* dy, const std::uint16_t* mask, std::int64_t rows,
                                std::int64_t cols, float scale) {
  const std::int64_t words = math::mask_words(cols);
  for (std::int64_t i = first_row(); i < rows; i += row_stride())
    for (std::int64_t j = first_column(); j < cols; j += column_stride()) {
      const bool keep = (mask[i * words + j / kNoiseLanes] >> (j % kNoiseLanes) & 1) != 0;
      dx[i * cols + j] = keep ? dy[i * cols + j] * scale : 0.0f;
    }
}

void forward(const Queue& queue, float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
             std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map) {
  const std::int64_t threads = rows * divide_up(cols, kColumns) * kNoiseLanes;
  launch(queue, forward_kernel, blocks_for(threads), kThreads, 0, y, mask, x, rows, cols, queue.batch, noise,
         threshold, map);
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
  launch(queue, backward_kernel, tiling.grid, tiling.block, 0, dx, dy, mask, rows, cols, scale);
}

}  // namespace

void fill_dropout(Launchers& table) {
  table.dropout_forward = forward;
  table.dropout_spread = spread;
  table.dropout_backward = backward;
}

}  // namespace densor::cuda
