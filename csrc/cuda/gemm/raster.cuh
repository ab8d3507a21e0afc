// The order in which blocks walk the tiles of a product.
#pragma once

#include "platform.cuh"

namespace densor::cuda {

inline constexpr std::int64_t kRaster =
    8;  // rows of tiles that blocks walk together, for the second-level cache

// What there is to do: tiles of c, `parts` pieces of k in each.
struct Work {
  std::int64_t down, across, blocks, parts;

  __device__ std::int64_t count() const { return down * across * parts; }
};

// One of them.
struct Item {
  std::int64_t i, j, part, begin, end;  // tile, piece, steps along k

  __device__ Item(const Work& work, std::int64_t index) {
    part = index % work.parts;
    const std::int64_t tile = index / work.parts, band = tile / (kRaster * work.across);
    const std::int64_t first = band * kRaster, left = work.down - first;
    const std::int64_t rows = left < kRaster ? left : kRaster, within = tile - first * work.across;
    i = first + within % rows;
    j = within / rows;
    begin = part * work.blocks / work.parts;
    end = (part + 1) * work.blocks / work.parts;
  }
};

}  // namespace densor::cuda
