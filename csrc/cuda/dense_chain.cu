// Rows through several dense layers, each of at most 128 inputs and units, and back: a block has a tile of
// rows in shared memory and takes them through all layers; the weights, which every block reads, pass by in
// slices. Products are multiply-adds in float32, every element one chain in ascending order.
//
// Forward reads x and the weights and writes the y (and z, masks) that backward reads, nothing else. Backward
// reads these once, or twice as operands of the weights' gradients, and neither stores nor reads the
// gradients of rows. Blocks add the gradients of weights up over the tiles of their part, and a second kernel
// adds the parts in order: two launches, where products of stored gradients would be three a layer and few
// tiles of thousands of terms each; the bytes are about the same, 4 inputs units a part instead of 8 units a
// row.
#include <type_traits>

#include "cuda/device/row_block.cuh"

#include "cuda/device/rows.cuh"
#include "cuda/phases/dropout.cuh"
#include "cuda/table.h"
#include "math/activation.h"

namespace densor::cuda {

namespace {

// f(Count<n>{}) with what a thread has of a line of `size` elements: 1, 2, 4 or 8.
template <int n>
using Count = std::integral_constant<int, n>;
template <int kWidth, class F>
__device__ __forceinline__ void with_count(int size, F f) {
  if (size <= kBlockSide) return f(Count<1>{});
  if (size <= 2 * kBlockSide) return f(Count<2>{});
  if (kWidth <= 4 * kBlockSide || size <= 4 * kBlockSide) return f(Count<4>{});
  if constexpr (kWidth > 4 * kBlockSide) f(Count<8>{});
}

// What is kept of element `col` of row `row` by the dropout behind a layer.
__device__ __forceinline__ bool kept(const ChainLayer& layer, std::int64_t row, int col) {
  const auto words = static_cast<std::int64_t>(math::mask_words(layer.units));
  return (layer.mask[row * words + col / kNoiseLanes] >> (col % kNoiseLanes) & 1) != 0;
}

template <class Block>
struct ChainPass {
  Block& block;
  const DenseChain& chain;
  std::int64_t top;  // the first row of the tile
  int rows;          // of the batch that are in it
  int buffer = 0;

  // tile = x (chain.rows, cols), zeros behind the last row.
  __device__ void fetch(const float* x, int cols) {
    Block::each(cols, [&](int row, int col) {
      block.tile[row][col] = row < rows ? x[(top + row) * cols + col] : 0.0f;
    });
  }
  // tile = the tile (…, inputs) times (inputs, units); `next` is the first slice of it.
  template <bool kAlong, class At>
  __device__ void multiply(BlockSlice<Block, kAlong>& next, int terms, int cols, At at) {
    with_count<Block::kWidth>(cols, [&](auto count) {
      RowProduct<Block, decltype(count)::value> product;
      each_slice(
          block, next, buffer, terms, cols, at,
          [&](const float(*slice)[Block::kLd], int first, int n) { product.add(block, slice, first, n); });
      __syncthreads();
      product.store(block);
      __syncthreads();
    });
  }
};

template <class Block>
struct ChainForward : ChainPass<Block> {
  using Base = ChainPass<Block>;
  using Base::block, Base::chain, Base::top, Base::rows;

  static __device__ auto weights(const ChainLayer& layer) {
    return [w = layer.w, units = layer.units](int term, int line) { return w[term * units + line]; };
  }

  // y = activation(tile + bias), in the tile and in device memory.
  template <class F>
  __device__ void finish(const ChainLayer& layer) {
    Block::each(layer.units, [&](int row, int col) {
      float x = block.tile[row][col];
      if (layer.bias != nullptr) x += layer.bias[col];
      const float y = F::value(x, layer.alpha);
      block.tile[row][col] = y;
      if (row >= rows) return;
      const std::int64_t i = (top + row) * layer.units + col;
      if (layer.z != nullptr) layer.z[i] = x;
      if (layer.y != nullptr) layer.y[i] = y;
    });
  }

  // The noise of DropoutForward, whose blocks of columns are as wide as a layer may be.
  __device__ void drop(const ChainLayer& layer, std::uint64_t step) {
    static_assert(kChainWidth <= kDropoutColumns);
    const Noise noise{math::philox_key(layer.seed), layer.stream};
    const int words = static_cast<int>(math::mask_words(layer.units));
    const auto lane = static_cast<std::uint32_t>(threadIdx.x) % kNoiseLanes;
    for (int row = static_cast<int>(threadIdx.x) / kNoiseLanes; row < Block::kRows;
         row += kThreads / kNoiseLanes) {
      const NoiseWords bits = NoisePlace{top + row, 0, lane}.words(noise, step);
      std::uint32_t own = 0;  // lane g writes the word of group g
#pragma unroll
      for (int g = 0; g < kDropoutGroups; ++g) {
        const int col = g * kNoiseLanes + static_cast<int>(lane);
        const bool inside = col < layer.units, keep = half_word(bits, g) >= layer.threshold;
        if (inside) {
          float& x = block.tile[row][col];
          x = keep ? math::fma(x, layer.map.scale, layer.map.shift) : layer.map.dropped;
        }
        const std::uint32_t word = mask_word(inside && keep);
        if (lane == static_cast<std::uint32_t>(g)) own = word;
      }
      if (row < rows && static_cast<int>(lane) < words)
        layer.mask[(top + row) * words + lane] = static_cast<std::uint16_t>(own);
    }
  }

  __device__ void run(const Batch* batch) {
    BlockSlice<Block, false> next;
    next.load(0, chain.layer[0].inputs, chain.layer[0].units, weights(chain.layer[0]));
    this->fetch(chain.x, chain.layer[0].inputs);
    for (int i = 0; i < chain.count; ++i) {
      const ChainLayer& layer = chain.layer[i];
      this->multiply(next, layer.inputs, layer.units, weights(layer));
      if (i + 1 < chain.count) {  // on its way meanwhile
        const ChainLayer& above = chain.layer[i + 1];
        next.load(0, above.inputs, above.units, weights(above));
      }
      math::with_activation(layer.activation, [&](auto f) { finish<decltype(f)>(layer); });
      if (layer.mask != nullptr) {
        __syncthreads();
        drop(layer, batch->step);
      }
    }
  }
};

template <class Block>
__global__ void __launch_bounds__(kThreads, 2)
    forward_kernel(const __grid_constant__ DenseChain chain, const Batch* batch) {
  const std::int64_t top = static_cast<std::int64_t>(blockIdx.x) * Block::kRows, left = chain.rows - top;
  ChainForward<Block>{
      {*dynamic_shared<Block>(), chain, top, left < Block::kRows ? static_cast<int>(left) : Block::kRows}}
      .run(batch);
}

template <class Block>
struct ChainBackward : ChainPass<Block> {
  using Base = ChainPass<Block>;
  using Base::block, Base::chain, Base::top, Base::rows, Base::buffer;
  float* part;  // of the gradients of weights; null: they are written where they belong
  bool fresh;   // nothing has been added to them
  static constexpr int kMostAtOnce = 4 * kBlockSide;  // columns of x whose gradients fit in registers

  // tile = the gradient of x w + bias from that of the layer's output, or of the dropout's.
  template <class F>
  __device__ void derive(const ChainLayer& layer) {
    const float* saved = math::saves_input(layer.activation) ? layer.z : layer.y;
    const bool linear = layer.activation == math::Activation::linear;
    Block::each(layer.units, [&](int row, int col) {
      if (row >= rows) return;  // zeros
      float d = block.tile[row][col];
      if (layer.mask != nullptr) d = kept(layer, top + row, col) ? d * layer.map.scale : 0.0f;
      if (!linear) d *= F::derivative(saved[(top + row) * layer.units + col], layer.alpha);
      block.tile[row][col] = d;
    });
  }

  // Where the gradient of the layer's weights is, in the part or in the arena.
  __device__ float* place(const ChainLayer& layer, float* whole, int offset) const {
    return whole == nullptr ? nullptr : part == nullptr ? whole : part + layer.first + offset;
  }

  // dbias += column sums of the tile.
  __device__ void sum_columns(const ChainLayer& layer) {
    float* to = place(layer, layer.dbias, (layer.inputs * layer.units + 3) / 4 * 4);
    const int col = static_cast<int>(threadIdx.x);
    if (to == nullptr || col >= layer.units) return;
    float sum = fresh ? 0.0f : to[col];
    for (int row = 0; row < rows; ++row) sum += block.tile[row][col];
    to[col] = sum;
  }

  // dw += x^T tile for kM * kBlockSide of the columns of x, what the layer read: at(row, column).
  template <int kM, class At>
  __device__ void add_weights(float* to, int inputs, int units, At at) {
    with_count<Block::kWidth>(units, [&](auto n) {
      BlockSlice<Block, false> next;
      next.load(0, rows, inputs, at);
      ColumnProduct<Block, kM, decltype(n)::value> product;
      if (!fresh) product.read(to, inputs, units);
      each_slice(block, next, buffer, rows, inputs, at,
                 [&](const float(*slice)[Block::kLd], int first, int terms) {
                   product.add(block, slice, first, terms);
                 });
      product.write(to, inputs, units);
    });
  }
  __device__ void add_weights(int i) {
    const ChainLayer& layer = chain.layer[i];
    float* to = place(layer, layer.dw, 0);
    if (to == nullptr) return;
    const int inputs = layer.inputs;
    const bool first = i == 0;
    const float* x = (first ? chain.x : chain.layer[i - 1].y) + top * inputs;
    for (int from = 0; from < inputs; from += kMostAtOnce) {
      const auto at = [&](int row, int col) {
        const float value = x[row * inputs + from + col];
        if (first || chain.layer[i - 1].mask == nullptr) return value;
        const ChainLayer& below = chain.layer[i - 1];
        return kept(below, top + row, from + col) ? math::fma(value, below.map.scale, below.map.shift)
                                                  : below.map.dropped;
      };
      const int count = inputs - from < kMostAtOnce ? inputs - from : kMostAtOnce;
      if (count <= 2 * kBlockSide)
        add_weights<2>(to + from * layer.units, count, layer.units, at);
      else
        add_weights<4>(to + from * layer.units, count, layer.units, at);
    }
  }

  // tile = tile w^T
  __device__ void go_down(const ChainLayer& layer) {
    const auto at = [w = layer.w, units = layer.units](int term, int line) { return w[line * units + term]; };
    BlockSlice<Block, true> next;
    next.load(0, layer.units, layer.inputs, at);
    this->multiply(next, layer.units, layer.inputs, at);
  }

  __device__ void run() {
    this->fetch(chain.dy, chain.layer[chain.count - 1].units);
    for (int i = chain.count - 1; i >= chain.lowest; --i) {
      const ChainLayer& layer = chain.layer[i];
      math::with_activation(layer.activation, [&](auto f) { derive<decltype(f)>(layer); });
      __syncthreads();
      sum_columns(layer);
      add_weights(i);
      if (i > chain.lowest || chain.dx != nullptr) go_down(layer);
    }
    const int inputs = chain.layer[0].inputs;
    if (chain.dx != nullptr)
      Block::each(inputs, [&](int row, int col) {
        if (row < rows) chain.dx[(top + row) * inputs + col] = block.tile[row][col];
      });
  }
};

// A block has a part of the batch's rows, or several. A large GPU has as many multiprocessors as parts:
// registers for a second block on one would be spared in vain.
template <class Block>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(const __grid_constant__ DenseChain chain, const Batch* batch, float* parts,
                    std::int64_t gradients) {
  const std::int64_t there = rows_of(batch, chain.rows), each = chain_part_rows(there);
  for (auto part = static_cast<std::int64_t>(blockIdx.x); part < chain_parts(there); part += gridDim.x) {
    const std::int64_t begin = part * each, end = begin + each < there ? begin + each : there;
    std::int64_t top = begin;
    do {  // once at least: gradients over no rows are zeros
      const std::int64_t left = end - top;
      __syncthreads();  // the tile of before may still be read
      ChainBackward<Block>{
          {*dynamic_shared<Block>(), chain, top, left < Block::kRows ? static_cast<int>(left) : Block::kRows},
          parts == nullptr ? nullptr : parts + part * gradients,
          top == begin}
          .run();
      top += Block::kRows;
    } while (top < end);
  }
}

// Blocks along y have a layer each: its gradients are the sums of those of the parts.
__global__ void add_parts_kernel(const __grid_constant__ DenseChain chain, const Batch* batch,
                                 const float* parts, std::int64_t gradients) {
  const std::int64_t count = chain_parts(rows_of(batch, chain.rows));
  const ChainLayer& layer = chain.layer[blockIdx.y];
  const std::int64_t weights = static_cast<std::int64_t>(layer.inputs) * layer.units;
  const auto sum = [&](std::int64_t i) {
    const float* at = parts + layer.first + i;
    float total = *at;
    for (std::int64_t part = 1; part < count; ++part) total += at[part * gradients];
    return total;
  };
  for (std::int64_t i = first_item(); i < weights + layer.units; i += item_stride()) {
    const std::int64_t j = i - weights;
    if (j < 0 && layer.dw != nullptr) layer.dw[i] = sum(i);
    if (j >= 0 && layer.dbias != nullptr) layer.dbias[j] = sum(divide_up(weights, 4) * 4 + j);
  }
}

// f(Block*) for the tile that suits the run.
template <class F>
void with_block(const DenseChain& chain, F f) {
  constexpr int kNarrow = 64;
  bool narrow = true;
  for (int i = 0; i < chain.count; ++i)
    narrow = narrow && chain.layer[i].inputs <= kNarrow && chain.layer[i].units <= kNarrow;
  const auto choose = [&]<int kWidth>(Count<kWidth>) {
    if (chain_tile_rows(chain.rows) == kLowTile)
      f(static_cast<RowBlock<kLowTile, kWidth>*>(nullptr));
    else
      f(static_cast<RowBlock<kHighTile, kWidth>*>(nullptr));
  };
  narrow ? choose(Count<kNarrow>{}) : choose(Count<kChainWidth>{});
}

void forward(const Queue& queue, const DenseChain& chain) {
  if (chain.rows == 0) return;
  const std::int64_t tiles = divide_up(chain.rows, chain_tile_rows(chain.rows));
  with_block(chain, [&]<class Block>(Block*) {
    launch(queue, forward_kernel<Block>, dim3(static_cast<unsigned>(tiles)), kThreads, sizeof(Block), chain,
           queue.batch);
  });
}

void backward(const Queue& queue, const DenseChain& chain, std::int64_t gradients) {
  const std::int64_t parts = chain_parts(chain.rows);
  float* sums = parts > 1 ? queue.scratch : nullptr;
  with_block(chain, [&]<class Block>(Block*) {
    launch(queue, backward_kernel<Block>, dim3(static_cast<unsigned>(parts)), kThreads, sizeof(Block), chain,
           queue.batch, sums, gradients);
  });
  if (parts < 2) return;
  constexpr unsigned kMost = divide_up((kChainWidth + 1) * kChainWidth, kThreads);
  launch(queue, add_parts_kernel, dim3(kMost, static_cast<unsigned>(chain.count)), kThreads, 0, chain,
         queue.batch, static_cast<const float*>(sums), gradients);
}

}  // namespace

void fill_dense_chain(Launchers& table) {
  table.dense_chain_forward = forward;
  table.dense_chain_backward = backward;
}

}  // namespace densor::cuda
