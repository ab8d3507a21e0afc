#include "cuda/phases/accuracy.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

template <class P, class T>
void start(const Queue& queue, const P& phase, const T* target, std::int64_t targets) {
  launch_phase(queue, phase, blocks_for_rows(phase.rows), kThreads,
               {span(phase.x, phase.rows * phase.cols), span(target, targets)},
               {span(phase.correct, phase.rows)});
}

void sparse(const Queue& queue, float* correct, const float* x, const std::int32_t* label, std::int64_t rows,
            std::int64_t cols) {
  start(queue, AccuracySparse{correct, x, label, rows, cols}, label, rows);
}

void categorical(const Queue& queue, float* correct, const float* x, const float* target, std::int64_t rows,
                 std::int64_t cols) {
  start(queue, AccuracyCategorical{correct, x, target, rows, cols}, target, rows * cols);
}

void binary(const Queue& queue, float* correct, const float* x, const float* target, std::int64_t rows,
            std::int64_t cols, float threshold) {
  start(queue, AccuracyBinary{correct, x, target, rows, cols, threshold}, target, rows * cols);
}

}  // namespace

void fill_accuracy(Launchers& table) {
  table.accuracy_sparse = sparse;
  table.accuracy_categorical = categorical;
  table.accuracy_binary = binary;
}

}  // namespace densor::cuda
