// The penalties l1 sum |x| + l2 sum x^2 of several arrays in one launch, and their gradients: a block has a
// piece of one array. Sums in double; those of the pieces are added in order. Moves 8 bytes an element (12
// where the gradient is added, 4 without gradient).
#include "cuda/device/reduce.cuh"

#include "cuda/device/refused.cuh"
#include "cuda/device/rows.cuh"
#include "cuda/table.h"
#include "math/penalty.h"

namespace densor::cuda {

namespace {

// Arrays that a launch takes with its arguments, and where the pieces of each begin.
struct Arrays {
  static constexpr int kMost = 32;
  PenaltyTerm term[kMost];
  std::int64_t first_piece[kMost + 1];
  int count;
};

// values (pieces) may be null; gradients are scaled by `scale`, and added where `add`.
__global__ void pieces_kernel(double* values, Arrays arrays, double scale, bool add) {
  const std::int64_t piece = blockIdx.x;
  int k = 0;
  while (arrays.first_piece[k + 1] <= piece) ++k;
  const PenaltyTerm& term = arrays.term[k];
  const std::int64_t begin = (piece - arrays.first_piece[k]) * kPenaltyPiece;
  const std::int64_t end = begin + kPenaltyPiece < term.n ? begin + kPenaltyPiece : term.n;
  const auto l1 = static_cast<float>(scale * term.l1), l2 = static_cast<float>(scale * term.l2);
  double value = 0.0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const float x = term.x[i];
    if (values != nullptr) {
      const auto wide = static_cast<double>(x);
      value += term.l1 * (wide < 0.0 ? -wide : wide) + term.l2 * (wide * wide);
    }
    if (term.dx != nullptr) {
      const float d = math::penalty_derivative(x, l1, l2);
      term.dx[i] = add ? term.dx[i] + d : d;
    }
  }
  if (values == nullptr) return;
  value = block_sum(value);
  if (threadIdx.x == 0) values[piece] = value;
}

__global__ void total_kernel(double* totals, const double* values, std::int64_t n, double weight,
                             bool by_rows, const Batch* batch) {
  if (refused(batch)) return;
  if (by_rows) weight /= mean_factor(batch);
  double sum = 0.0;
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) sum += values[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) totals[0] += weight * sum;
}

void penalty(const Queue& queue, double* totals, const std::vector<PenaltyTerm>& terms, double weight,
             bool by_rows, double scale, bool add) {
  auto* values = totals != nullptr ? reinterpret_cast<double*>(queue.scratch) : nullptr;
  std::int64_t done = 0;
  for (std::size_t first = 0; first < terms.size(); first += Arrays::kMost) {
    Arrays arrays{};
    for (std::size_t k = first; k < terms.size() && arrays.count < Arrays::kMost; ++k) {
      arrays.term[arrays.count] = terms[k];
      const std::int64_t pieces = penalty_pieces(terms[k].n);
      arrays.first_piece[arrays.count + 1] = arrays.first_piece[arrays.count] + pieces;
      ++arrays.count;
    }
    const std::int64_t pieces = arrays.first_piece[arrays.count];
    if (pieces == 0) continue;
    launch(queue, pieces_kernel, static_cast<unsigned>(pieces), kThreads, 0,
           values != nullptr ? values + done : nullptr, arrays, scale, add);
    done += pieces;
  }
  if (totals != nullptr)
    launch(queue, total_kernel, 1, kThreads, 0, totals, values, done, weight, by_rows, queue.batch);
}

}  // namespace

void fill_penalty(Launchers& table) { table.penalty = penalty; }

}  // namespace densor::cuda
