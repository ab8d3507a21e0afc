// Sparsemax of each row, a team a row: y = max(x - tau, 0) with the tau that makes the row sum to 1, by the
// rounds of cpu/generic/sparsemax.h (Michelot 1986), a few reads of the row from the L1 cache each. Moves 8
// bytes an element.
#include "cuda/device/team.cuh"

#include "cuda/table.h"
#include "math/exp.h"

namespace densor::cuda {

namespace {

struct Above {
  float sum, count;
};

// Sum and number of the z = x - top above `bound`.
template <class Team>
__device__ Above above(const float* x, std::int64_t cols, float top, float bound) {
  Above found{0.0f, 0.0f};
  each_column<Team>(cols, [&](std::int64_t j) {
    const float z = x[j] - top;
    found.sum += z > bound ? z : 0.0f;
    found.count += z > bound ? 1.0f : 0.0f;
  });
  return {Team::reduce(found.sum, Sum{}), Team::reduce(found.count, Sum{})};
}

template <class Team>
__global__ void sparsemax_kernel(float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = Team::first_row(); i < rows; i += Team::row_stride()) {
    const float* in = x + i * cols;
    float top = -math::kInfinity;
    each_column<Team>(cols, [&](std::int64_t j) { top = Largest{}(in[j], top); });
    top = Team::reduce(top, Largest{});
    float tau = -1.0f, count = static_cast<float>(cols) + 1.0f;
    // Rounding must not make the rounds endless: each must drop something. No number above tau: NaN.
    for (Above found = above<Team>(in, cols, top, tau); found.count < count && found.count > 0.0f;
         found = above<Team>(in, cols, top, tau)) {
      tau = (found.sum - 1.0f) / found.count;
      count = found.count;
    }
    each_column<Team>(cols, [&](std::int64_t j) {
      const float z = in[j] - top;
      y[i * cols + j] = z > tau ? z - tau : z <= tau ? 0.0f : z;
    });
  }
}

void sparsemax(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols) {
  with_team(cols, [&](auto team) {
    launch(queue, sparsemax_kernel<decltype(team)>, team.blocks(rows), kThreads, 0, y, x, rows, cols);
  });
}

}  // namespace

void fill_sparsemax(Launchers& table) { table.sparsemax = sparsemax; }

}  // namespace densor::cuda
