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

// Rows that a block has in shared memory: few where every multiprocessor is to get some, many where the
// weights, which each tile reads, count.
inline constexpr std::int64_t kChainFewRows = 4096, kLowTile = 16, kHighTile = 64;
constexpr std::int64_t chain_tile_rows(std::int64_t rows) {
  return rows <= kChainFewRows ? kLowTile : kHighTile;
}

// Rows of the parts whose gradients of weights are added in order: by the number of rows alone, so that each
// sum has one order. Within a part rows follow one another, whatever the tiles.
inline constexpr std::int64_t kChainParts = 128;  // at most
constexpr std::int64_t chain_part_rows(std::int64_t rows) {
  const std::int64_t height = chain_tile_rows(rows), together = height * kChainParts;
  return rows <= together ? height : (rows + together - 1) / together * height;
}
constexpr std::int64_t chain_parts(std::int64_t rows) {
  return rows > 0 ? (rows + chain_part_rows(rows) - 1) / chain_part_rows(rows) : 1;
}
// The most parts that a batch of at most so many rows has.
constexpr std::int64_t most_chain_parts(std::int64_t rows) {
  return rows < kLowTile * kChainParts ? chain_parts(rows) : kChainParts;
}

// Floats of a layer's gradients, those of w and of the bias each rounded up to whole quads.
constexpr std::int64_t chain_gradients(std::int64_t inputs, std::int64_t units) {
  return (inputs * units + 3) / 4 * 4 + (units + 3) / 4 * 4;
}

}  // namespace densor::cuda
