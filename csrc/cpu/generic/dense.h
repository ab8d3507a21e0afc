// The matrix products of the dense layer, over the target's registers (Reg). How the blocks are put together
// is in cpu/gemm/gemm.h.
#pragma once

#include "cpu/gemm/block.h"
#include "cpu/gemm/kernel.h"
#include "cpu/gemm/peak.h"

namespace densor::cpu {
namespace {

GemmKernels make_gemm() {
  return {{kRegLanes, kAccumulators, kMaxTileVectors, kMaxPackedVectors, kAcrossVectors,
           tile_rows(kAcrossVectors, Layout::across), kMaxTileRows, kPacksRows, kFlopsPerCycle, false},
          {},
          gemm_block,
          fma_peak};
}

}  // namespace
}  // namespace densor::cpu
