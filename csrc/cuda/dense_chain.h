// A run of dense layers that one kernel takes a block of rows through, as the device sees it.
#pragma once

#include <cstdint>

#include "math/activation_kind.h"
#include "math/dropout.h"

namespace densor::cuda {

inline constexpr std::int64_t kChainWidth = 128;  // inputs and units of a layer, at most
inline constexpr int kChainLayers = 32;           // their table is an argument of the kernel

// y = activation(x w + bias), and behind it, where there is a mask, dropout.
struct ChainLayer {
  const float* w;       // (inputs, units)
  const float* bias;    // (units,) or null
  float* y;             // (rows, units), before the dropout, or null: nobody reads it
  float* z;             // x w + bias, where the activation saves its input, or null
  float* dw;            // or null: frozen
  float* dbias;         // or null
  std::uint16_t* mask;  // (rows, ceil(units / 16)) or null
  std::uint64_t seed;
  std::uint32_t stream, threshold;
  math::DropoutMap map;
  int inputs, units;
  math::Activation activation;
  float alpha;
  std::int32_t first;  // where its gradients begin in those of a part, see chain_gradients
};

struct DenseChain {
  ChainLayer layer[kChainLayers];
  int count;
  int lowest;  // the first layer with a gradient, or 0 where dx is wanted
  std::int64_t rows;
  const float* x;   // (rows, inputs of the first layer)
  const float* dy;  // (rows, units of the last one)
  float* dx;        // or null
};

// How the rows are cut, by their number alone, so that every sum over them has one order: tiles that a block
// has in shared memory, and parts of so many tiles each, whose gradients of weights are added in order.
struct ChainPlan {
  std::int64_t tile_rows, tiles, part_tiles, parts;
};

constexpr ChainPlan plan_chain(std::int64_t rows) {
  // Low tiles give every multiprocessor some to do, high ones read the weights less often.
  constexpr std::int64_t kLow = 16, kHigh = 64, kFewRows = 4096, kMostParts = 128;
  const std::int64_t height = rows <= kFewRows ? kLow : kHigh;
  const std::int64_t tiles = rows > 0 ? (rows + height - 1) / height : 1;
  const std::int64_t each = tiles <= kMostParts ? 1 : (tiles + kMostParts - 1) / kMostParts;
  return {height, tiles, each, (tiles + each - 1) / each};
}

// Floats of a layer's gradients, those of w and of the bias each rounded up to whole quads.
constexpr std::int64_t chain_gradients(std::int64_t inputs, std::int64_t units) {
  return (inputs * units + 3) / 4 * 4 + (units + 3) / 4 * 4;
}

}  // namespace densor::cuda
