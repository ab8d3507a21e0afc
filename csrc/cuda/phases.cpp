#include "cuda/phases.h"

#include <algorithm>

namespace densor::cuda {

namespace {

const char* end(const Span& span) { return static_cast<const char*>(span.begin) + span.bytes; }

bool overlap(const std::vector<Span>& some, const std::vector<Span>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Span& a) {
    return std::any_of(others.begin(), others.end(), [&](const Span& b) {
      return a.bytes > 0 && b.bytes > 0 && static_cast<const char*>(a.begin) < end(b) &&
             static_cast<const char*>(b.begin) < end(a);
    });
  });
}

}  // namespace

void Phases::note(Phase phase, const std::vector<Span>& reads, const std::vector<Span>& writes) {
  const unsigned blocks = phase.shape.blocks_x * phase.shape.blocks_y;
  complete_ &=
      phase.kind != PhaseKind::none && phase.shape.threads_x * phase.shape.threads_y == kPhaseThreads;
  phase.fence =
      list_.empty() || overlap(reads, written_) || overlap(writes, written_) || overlap(writes, read_);
  if (phase.fence) {
    read_.clear();
    written_.clear();
    blocks_ = 0;
  }
  phase.first = blocks_;
  blocks_ += blocks;
  widest_ = std::max(widest_, blocks_);
  read_.insert(read_.end(), reads.begin(), reads.end());
  written_.insert(written_.end(), writes.begin(), writes.end());
  touched_.insert(touched_.end(), reads.begin(), reads.end());
  touched_.insert(touched_.end(), writes.begin(), writes.end());
  list_.push_back(phase);
}

std::int64_t Phases::fences() const {
  return std::count_if(list_.begin(), list_.end(), [](const Phase& phase) { return phase.fence; });
}

std::int64_t Phases::footprint() const {
  std::vector<Span> spans = touched_;
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::int64_t bytes = 0;
  const char* reached = nullptr;
  for (const Span& span : spans) {
    const char* from = std::max(static_cast<const char*>(span.begin), reached);
    bytes += std::max<std::int64_t>(end(span) - from, 0);
    reached = std::max(reached, end(span));
  }
  return bytes;
}

}  // namespace densor::cuda
