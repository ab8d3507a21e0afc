// Dropout: phases/dropout.cuh; the same of bfloat16 arrays, 4 bytes and a bit an element, where a lane has
// eight columns side by side; and with noise that several elements share.
#include "cuda/phases/dropout.cuh"

#include "cuda/device/eight.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

__global__ void forward_of_halves_kernel(Half* y, std::uint16_t* mask, const Half* x, std::int64_t rows,
                                         std::int64_t cols, const Batch* batch, Noise noise,
                                         std::uint32_t threshold, math::DropoutMap map, bool positive) {
  const auto blocks = static_cast<std::uint32_t>(divide_up(cols, kDropoutColumns));
  const std::int64_t warps = divide_up(rows * blocks, 2);
  for (std::int64_t warp = first_warp_item(); warp < warps; warp += warp_item_stride()) {
    const NoisePlace at = noise_place(warp * kWarpSize + lane_index(), blocks);
    const std::int64_t column = at.block * kDropoutColumns + at.lane * kEight, i = at.row * cols + column;
    const EightColumns here(column, cols, x, y);
    float value[kEight] = {};
    if (at.row < rows) here.load(value, x + i);
    const unsigned kept = kept_neighbours(at.words(noise, batch->step), threshold) & here.bits();
    if (at.row >= rows) continue;
    unsigned passed = kept;
#pragma unroll
    for (int e = 0; e < kEight; ++e) {
      if (positive && !(value[e] > 0.0f)) passed &= ~(1u << e);
      value[e] = (kept >> e & 1) != 0 ? math::fma(value[e], map.scale, map.shift) : map.dropped;
    }
    here.store(y + i, value);
    put_mask_byte(mask, at.row, column, cols, passed);
  }
}

__global__ void backward_of_halves_kernel(Half* dx, const Half* dy, const std::uint16_t* mask,
                                          std::int64_t rows, std::int64_t cols, float scale) {
  const std::int64_t eights = divide_up(cols, kEight);
  for (std::int64_t row = first_row(); row < rows; row += row_stride())
    for (std::int64_t eight = first_column(); eight < eights; eight += column_stride()) {
      const std::int64_t column = eight * kEight, i = row * cols + column;
      const EightColumns here(column, cols, dx, dy);
      const unsigned kept = mask_byte(mask, row, column, cols);
      float value[kEight];
      here.load(value, dy + i);
#pragma unroll
      for (int e = 0; e < kEight; ++e) value[e] = (kept >> e & 1) != 0 ? value[e] * scale : 0.0f;
      here.store(dx + i, value);
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
template <class T>
__global__ void spread_kernel(T* y, std::uint16_t* mask, const T* x, std::int64_t rows, std::int64_t cols,
                              const Batch* batch, Noise noise, std::uint32_t threshold, math::DropoutMap map,
                              math::NoiseSpread spread) {
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
      put(y + i, keep ? to_float(x[i]) * map.scale + map.shift : map.dropped);
    }
    const std::uint32_t word = mask_word(keep);
    if (at.row < rows && at.lane == 0) mask[at.row * words + at.block] = static_cast<std::uint16_t>(word);
  }
}

void forward(const Queue& queue, float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
             std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map,
             bool positive) {
  const std::int64_t threads = rows * divide_up(cols, kDropoutColumns) * kNoiseLanes;
  launch_phase(queue, DropoutForward{y, mask, x, rows, cols, queue.batch, noise, threshold, map, positive},
               blocks_for(threads), kThreads, {span(x, rows * cols), span(queue.batch)},
               {span(y, rows * cols), span(mask, rows * math::mask_words(cols))});
}

template <class T>
void spread(const Queue& queue, T* y, std::uint16_t* mask, const T* x, std::int64_t rows, std::int64_t cols,
            const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map,
            const math::NoiseSpread& spread) {
  const std::int64_t threads = rows * math::mask_words(cols) * kNoiseLanes;
  launch(queue, spread_kernel<T>, blocks_for(threads), kThreads, 0, y, mask, x, rows, cols, queue.batch,
         noise, threshold, map, spread);
}

void forward_of_halves(const Queue& queue, Half* y, std::uint16_t* mask, const Half* x, std::int64_t rows,
                       std::int64_t cols, const Noise& noise, std::uint32_t threshold,
                       const math::DropoutMap& map, bool positive) {
  const std::int64_t threads = rows * divide_up(cols, kDropoutColumns) * kNoiseLanes;
  launch(queue, forward_of_halves_kernel, blocks_for(threads), kThreads, 0, y, mask, x, rows, cols,
         queue.batch, noise, threshold, map, positive);
}

void backward(const Queue& queue, float* dx, const float* dy, const std::uint16_t* mask, std::int64_t rows,
              std::int64_t cols, float scale) {
  const Tiling tiling = tiling_for(rows, cols);
  launch_phase(queue, DropoutBackward{dx, dy, mask, rows, cols, scale}, tiling.grid, tiling.block,
               {span(dy, rows * cols), span(mask, rows * math::mask_words(cols))}, {span(dx, rows * cols)});
}

void backward_of_halves(const Queue& queue, Half* dx, const Half* dy, const std::uint16_t* mask,
                        std::int64_t rows, std::int64_t cols, float scale) {
  const Tiling tiling = tiling_for(rows, divide_up(cols, kEight));
  launch(queue, backward_of_halves_kernel, tiling.grid, tiling.block, 0, dx, dy, mask, rows, cols, scale);
}

}  // namespace

void fill_dropout(Launchers& table) {
  table.dropout = {forward, spread<float>, backward};
  table.dropout_of_halves = {forward_of_halves, spread<Half>, backward_of_halves};
}

}  // namespace densor::cuda
