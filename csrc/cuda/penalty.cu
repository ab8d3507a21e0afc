// Penalties of several arrays in one launch, or in phases of a few: phases/penalty.cuh.
#include "cuda/phases/penalty.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

template <int kMost>
void launch_or_note(const Queue& queue, const PenaltyPieces<kMost>& phase, std::int64_t pieces) {
  const auto blocks = static_cast<unsigned>(pieces);
  if constexpr (kMost == kPhasePenalties) {
    std::vector<Span> reads, writes{span(phase.values, pieces)};
    for (const PenaltyTerm& term : phase.term) {
      reads.push_back(span(term.x, term.n));
      writes.push_back(span(term.dx, term.n));
    }
    note_phase(queue, phase, blocks, kThreads, reads, writes);
  } else {
    launch(queue, phase_kernel<PenaltyPieces<kMost>>, blocks, kThreads, 0, phase);
  }
}

// How many pieces there are.
template <int kMost>
std::int64_t find_pieces(const Queue& queue, double* values, const std::vector<PenaltyTerm>& terms,
                         double scale, bool add) {
  std::int64_t done = 0;
  for (std::size_t first = 0; first < terms.size(); first += kMost) {
    PenaltyPieces<kMost> some{};
    some.values = values != nullptr ? values + done : nullptr;
    some.scale = scale;
    some.add = add;
    for (std::size_t k = first; k < terms.size() && some.count < kMost; ++k) {
      some.term[some.count] = terms[k];
      some.first_piece[some.count + 1] = some.first_piece[some.count] + penalty_pieces(terms[k].n);
      ++some.count;
    }
    const std::int64_t pieces = some.first_piece[some.count];
    if (pieces == 0) continue;
    launch_or_note(queue, some, pieces);
    done += pieces;
  }
  return done;
}

void penalty(const Queue& queue, double* totals, const std::vector<PenaltyTerm>& terms, double weight,
             bool by_rows, double scale, bool add) {
  auto* values = totals != nullptr ? reinterpret_cast<double*>(queue.scratch) : nullptr;
  const std::int64_t pieces = queue.phases != nullptr
                                  ? find_pieces<kPhasePenalties>(queue, values, terms, scale, add)
                                  : find_pieces<kLaunchedPenalties>(queue, values, terms, scale, add);
  if (totals != nullptr)
    launch_phase(queue, PenaltyTotal{totals, values, pieces, weight, by_rows, queue.batch}, 1, kThreads,
                 {span(values, pieces), span(queue.batch)}, {span(totals, 2)});
}

}  // namespace

void fill_penalty(Launchers& table) { table.penalty = penalty; }

}  // namespace densor::cuda
