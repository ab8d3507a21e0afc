// Kernels that may be phases of a larger one: their bodies are objects, called with the place of a thread on
// the grid that they were made for.
#pragma once

#include <vector>

#include "cuda/device/grid.cuh"
#include "cuda/phases.h"

namespace densor::cuda {

struct Place {
  GridShape shape;
  unsigned block_x, block_y, thread_x, thread_y;

  // for (i = at.first_item(); i < n; i += at.item_stride())
  __device__ std::int64_t first_item() const {
    return static_cast<std::int64_t>(block_x) * shape.threads_x + thread_x;
  }
  __device__ std::int64_t item_stride() const {
    return static_cast<std::int64_t>(shape.blocks_x) * shape.threads_x;
  }
  // The same for items that a whole warp works on.
  __device__ std::int64_t first_warp_item() const { return first_item() / kWarpSize; }
  __device__ std::int64_t warp_item_stride() const { return item_stride() / kWarpSize; }
  // Matrices: rows go down, columns across.
  __device__ std::int64_t first_row() const {
    return static_cast<std::int64_t>(block_y) * shape.threads_y + thread_y;
  }
  __device__ std::int64_t row_stride() const {
    return static_cast<std::int64_t>(shape.blocks_y) * shape.threads_y;
  }
};

__device__ __forceinline__ Place launched() {
  return {{gridDim.x, gridDim.y, blockDim.x, blockDim.y}, blockIdx.x, blockIdx.y, threadIdx.x, threadIdx.y};
}

// Of a block of the phase, where it is launched alone.
template <class P>
constexpr int most_threads() {
  if constexpr (requires { P::kMostThreads; }) return P::kMostThreads;
  return kPhaseThreads;
}

template <class P>
__global__ void __launch_bounds__(most_threads<P>()) phase_kernel(P phase) {
  phase(launched());
}

// The same for phases of which so many blocks are to be on a multiprocessor together.
template <class P>
__global__ void __launch_bounds__(kPhaseThreads, P::kTogether) phase_kernel_together(P phase) {
  phase(launched());
}

// Notes it down; data that nobody writes need not be among the reads.
template <class P>
void note_phase(const Queue& queue, const P& phase, dim3 grid, dim3 block, const std::vector<Span>& reads,
                const std::vector<Span>& writes) {
  queue.phases->add(phase, {grid.x, grid.y, block.x, block.y}, reads, writes);
}

// The same, or launches it.
template <class P>
void launch_phase(const Queue& queue, const P& phase, dim3 grid, dim3 block, const std::vector<Span>& reads,
                  const std::vector<Span>& writes) {
  if (queue.phases != nullptr) return note_phase(queue, phase, grid, block, reads, writes);
  if constexpr (requires { P::kTogether; })
    launch(queue, phase_kernel_together<P>, grid, block, 0, phase);
  else
    launch(queue, phase_kernel<P>, grid, block, 0, phase);
}

}  // namespace densor::cuda
