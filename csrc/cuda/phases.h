// Steps as phases of one kernel that runs many batches without an end in between (persistent.cu): what would
// have been launches is noted down, with what each reads and writes, which decides where all blocks must
// meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

namespace densor::cuda {

// The kernels that can be phases; `none` of those that are launched alone only.
enum class PhaseKind : std::int32_t {
  none,
  next_batch,
  gather_f32,
  gather_f32_rescaled,
  gather_f64,
  gather_u8,
  labels_u8,
  labels_i32,
  labels_i64,
  multiply,
  activation_forward,
  activation_backward,
  dropout_forward,
  dropout_backward,
  batch_norm_forward,
  batch_norm_moments,
  batch_norm_merge,
  batch_norm_normalize,
  batch_norm_dropout,
  batch_norm_update,
  batch_norm_backward,
  batch_norm_backward_masked,
  batch_norm_sums,
  batch_norm_sums_masked,
  batch_norm_factors,
  batch_norm_input_gradient,
  batch_norm_input_gradient_masked,
  add,
  copy_matrix,
  standardize,
  column_sum,
  add_parts,
  softmax_cross_entropy,
  mean_squared_error,
  mean_squared_error_column,
  mean_absolute_error,
  mean_absolute_error_column,
  sigmoid_cross_entropy,
  sigmoid_cross_entropy_column,
  accuracy_sparse,
  accuracy_categorical,
  accuracy_binary,
  accumulate,
  penalty_pieces,
  penalty_total,
  refuse_totals,
  refuse_gradients,
  prepare_gradients,
  gradient_squares,
  lamb_moments,
  optimizer,
  constrain_columns,
};

// A launch: blocks along two axes, threads of a block along two.
struct GridShape {
  unsigned blocks_x, blocks_y, threads_x, threads_y;
};

inline constexpr unsigned kPhaseThreads = 256;  // of a block, whatever its shape
inline constexpr std::size_t kPhaseBytes = 320;

struct Phase {
  PhaseKind kind;
  GridShape shape;
  unsigned
      first;  // the block of the kernel that has the first block of the phase: phases side by side spread out
  bool fence;  // all blocks meet before it
  alignas(16) unsigned char arguments[kPhaseBytes];
};

// Bytes that a phase reads or writes.
struct Span {
  const void* begin;
  std::int64_t bytes;
};

template <class T>
Span span(const T* begin, std::int64_t count) {
  return {begin, begin != nullptr ? static_cast<std::int64_t>(sizeof(T)) * count : 0};
}

class Phases;

// A launch of the kernel that runs them. `arrived`, in device memory, counts blocks where they meet; so many
// had arrived before.
struct PersistentRun {
  const Phase* phases;
  int count;
  unsigned blocks;
  std::int64_t batches;
  unsigned* arrived;
  unsigned arrived_before;
};

class Phases {
 public:
  template <class P>
  void add(const P& arguments, const GridShape& shape, const std::vector<Span>& reads,
           const std::vector<Span>& writes) {
    static_assert(sizeof(P) <= kPhaseBytes && alignof(P) <= 16);
    Phase phase{P::kKind, shape, 0, false, {}};
    std::memcpy(phase.arguments, &arguments, sizeof arguments);
    note(phase, reads, writes);
  }
  // What was asked for cannot be a phase.
  void refuse() { complete_ = false; }

  bool complete() const { return complete_; }
  // In order. The blocks meet before the first one, too, where it follows the last one of the batch before.
  const std::vector<Phase>& list() const { return list_; }
  std::int64_t fences() const;
  // The most blocks that have work at the same time.
  unsigned widest() const { return widest_; }
  // Bytes that phases read and write, data apart.
  std::int64_t footprint() const;
  // What they write, in the order of the addresses, no byte twice, none from two allocations.
  std::vector<Span> written() const;
  // A line for each: "| multiply 2x3" where the blocks meet before it, else "  multiply 2x3".
  std::string to_string() const;

 private:
  void note(Phase phase, const std::vector<Span>& reads, const std::vector<Span>& writes);

  std::vector<Phase> list_;
  std::vector<Span> read_, written_;  // since the blocks met
  std::vector<Span> reads_, writes_;  // of all phases
  unsigned blocks_ = 0, widest_ = 0;  // of the phases since then
  bool complete_ = true;
};

}  // namespace densor::cuda
