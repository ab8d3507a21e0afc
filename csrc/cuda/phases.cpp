#include "cuda/phases.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace densor::cuda {

namespace {

// In the order of PhaseKind.
constexpr const char* kNames[] = {"none",
                                  "next_batch",
                                  "gather_f32",
                                  "gather_f32_rescaled",
                                  "gather_f64",
                                  "gather_u8",
                                  "labels_u8",
                                  "labels_i32",
                                  "labels_i64",
                                  "multiply",
                                  "activation_forward",
                                  "activation_backward",
                                  "dropout_forward",
                                  "dropout_backward",
                                  "batch_norm_forward",
                                  "batch_norm_moments",
                                  "batch_norm_merge",
                                  "batch_norm_normalize",
                                  "batch_norm_dropout",
                                  "batch_norm_update",
                                  "batch_norm_backward",
                                  "batch_norm_backward_masked",
                                  "batch_norm_sums",
                                  "batch_norm_sums_masked",
                                  "batch_norm_factors",
                                  "batch_norm_input_gradient",
                                  "batch_norm_input_gradient_masked",
                                  "add",
                                  "copy_matrix",
                                  "standardize",
                                  "column_sum",
                                  "add_parts",
                                  "softmax_cross_entropy",
                                  "mean_squared_error",
                                  "mean_squared_error_column",
                                  "mean_absolute_error",
                                  "mean_absolute_error_column",
                                  "sigmoid_cross_entropy",
                                  "sigmoid_cross_entropy_column",
                                  "accuracy_sparse",
                                  "accuracy_categorical",
                                  "accuracy_binary",
                                  "accumulate",
                                  "penalty_pieces",
                                  "penalty_total",
                                  "refuse_totals",
                                  "refuse_gradients",
                                  "prepare_gradients",
                                  "gradient_squares",
                                  "lamb_moments",
                                  "optimizer",
                                  "constrain_columns"};
static_assert(std::size(kNames) == static_cast<std::size_t>(PhaseKind::constrain_columns) + 1);

const char* end(const Span& span) { return static_cast<const char*>(span.begin) + span.bytes; }

bool overlap(const std::vector<Span>& some, const std::vector<Span>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Span& a) {
    return std::any_of(others.begin(), others.end(), [&](const Span& b) {
      return a.bytes > 0 && b.bytes > 0 && static_cast<const char*>(a.begin) < end(b) &&
             static_cast<const char*>(b.begin) < end(a);
    });
  });
}

// The same bytes in ascending order, each once. Neighbours that do not overlap stay apart: no copy may go
// from one allocation into the next.
std::vector<Span> joined(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::vector<Span> result;
  for (const Span& span : spans) {
    if (span.bytes <= 0) continue;
    if (!result.empty() && static_cast<const char*>(span.begin) < end(result.back()))
      result.back().bytes =
          std::max(end(span), end(result.back())) - static_cast<const char*>(result.back().begin);
    else
      result.push_back(span);
  }
  return result;
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
  reads_.insert(reads_.end(), reads.begin(), reads.end());
  writes_.insert(writes_.end(), writes.begin(), writes.end());
  list_.push_back(phase);
}

std::int64_t Phases::fences() const {
  return std::count_if(list_.begin(), list_.end(), [](const Phase& phase) { return phase.fence; });
}

std::string Phases::to_string() const {
  std::string text;
  for (const Phase& phase : list_)
    text += std::string(phase.fence ? "| " : "  ") + kNames[static_cast<int>(phase.kind)] + " " +
            std::to_string(phase.shape.blocks_x) + "x" + std::to_string(phase.shape.blocks_y) + "\n";
  return complete_ ? text : text + "and what can be no phase\n";
}

std::int64_t Phases::footprint() const {
  std::vector<Span> touched = reads_;
  touched.insert(touched.end(), writes_.begin(), writes_.end());
  std::int64_t bytes = 0;
  for (const Span& span : joined(std::move(touched))) bytes += span.bytes;
  return bytes;
}

std::vector<Span> Phases::written() const { return joined(writes_); }

}  // namespace densor::cuda
