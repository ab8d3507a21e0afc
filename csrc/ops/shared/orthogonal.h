// The orthogonal direction of a matrix, by Newton-Schulz iterations (Jordan et al. 2024): x / |x|, then
// x = a x + (b A + c A^2) x with A = x x^T, or, where there are more rows than columns, from the other side.
// Products of matrices shared out among the workers; their bits do not depend on how many there are.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/worker.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/gemm.h"

namespace densor::ops {

struct NewtonSchulz {
  double momentum = 0.0;
  bool nesterov = false;
  int steps = 0;
  float a = 0.0f, b = 0.0f, c = 0.0f;
  double rms = 0.0;  // the direction is multiplied with rms sqrt(larger side); 0: it is not
};

inline float direction_scale(const NewtonSchulz& settings, std::int64_t rows, std::int64_t cols) {
  if (settings.rms == 0.0) return 1.0f;
  return static_cast<float>(settings.rms * std::sqrt(static_cast<double>(std::max(rows, cols))));
}

class OrthogonalDirection {
 public:
  OrthogonalDirection(std::int64_t rows, std::int64_t cols, const NewtonSchulz& settings, int workers)
      : rows_(rows), cols_(cols), settings_(settings), sums_(static_cast<std::size_t>(blocks())) {
    const std::int64_t side = std::min(rows, cols);
    const auto plan = [workers](const cpu::GemmProblem& problem) {
      return cpu::plan_gemm(problem, cpu::active().gemm.shape, workers);
    };
    const cpu::GemmPrecision precision = cpu::matmul_precision();
    gram_ = plan(wide() ? cpu::GemmProblem{rows, rows, cols, false, true, precision}
                        : cpu::GemmProblem{cols, cols, rows, true, false, precision});
    square_ = plan({side, side, side, false, false, precision});
    apply_ = plan(wide() ? cpu::GemmProblem{rows, cols, rows, false, false, precision}
                         : cpu::GemmProblem{rows, cols, cols, false, false, precision});
  }

  std::int64_t size() const { return rows_ * cols_; }
  std::int64_t scratch() const {
    return std::max({gram_.packed_floats(), square_.packed_floats(), apply_.packed_floats()});
  }
  // Floats of memory that all workers share.
  std::int64_t memory() const { return 2 * padded(size()) + 2 * padded(square()); }
  double nanoseconds() const {
    return settings_.steps * (gram_.nanoseconds + square_.nanoseconds + apply_.nanoseconds) +
           static_cast<double>(size());
  }
  float scale() const { return direction_scale(settings_, rows_, cols_); }

  // Moves the momentum of the whole matrix, `range`, and returns its direction, in `memory`. Ends with a
  // barrier.
  const float* run(const cpu::Kernels& kernels, const cpu::OptimizerRange& range, float* memory,
                   Worker& worker) {
    float *x = memory, *y = x + padded(size()), *gram = y + padded(size()),
          *square = gram + padded(this->square());
    const Range mine = worker.split(size(), kLine), my_square = worker.split(this->square(), kLine);
    start(kernels, range, x, mine, worker);
    for (int step = 0; step < settings_.steps; ++step) {
      multiply(kernels, gram_, {gram, x, x}, worker);
      multiply(kernels, square_, {square, gram, gram}, worker);
      for (std::int64_t i = my_square.begin; i < my_square.end; ++i)
        square[i] = settings_.b * gram[i] + settings_.c * square[i];
      worker.barrier();
      multiply(kernels, apply_, {y, wide() ? square : x, wide() ? x : square}, worker);
      for (std::int64_t i = mine.begin; i < mine.end; ++i) x[i] = settings_.a * x[i] + y[i];
      worker.barrier();
    }
    return x;
  }

 private:
  static constexpr std::int64_t kBlock = 4096;  // elements whose squares are summed together

  static std::int64_t padded(std::int64_t n) { return (n + kLine - 1) / kLine * kLine; }
  bool wide() const { return rows_ <= cols_; }
  std::int64_t square() const { return std::min(rows_, cols_) * std::min(rows_, cols_); }
  std::int64_t blocks() const { return (rows_ * cols_ + kBlock - 1) / kBlock; }

  // x = the momentum's direction over its norm.
  void start(const cpu::Kernels& kernels, const cpu::OptimizerRange& range, float* x, const Range& mine,
             Worker& worker) {
    cpu::OptimizerRange part = range;
    part.g += mine.begin;
    part.slots[0] += mine.begin;
    kernels.muon_direction(x + mine.begin, part, mine.size(), static_cast<float>(settings_.momentum),
                           settings_.nesterov);
    worker.barrier();
    const Range my_blocks = worker.split(blocks());
    for (std::int64_t b = my_blocks.begin; b < my_blocks.end; ++b)
      sums_[static_cast<std::size_t>(b)] =
          kernels.sum_of_squares(x + b * kBlock, std::min(kBlock, size() - b * kBlock));
    worker.barrier();
    double sum = 0.0;
    for (const double part_sum : sums_) sum += part_sum;
    const auto factor = static_cast<float>(1.0 / (std::sqrt(sum) + 1e-7));
    for (std::int64_t i = mine.begin; i < mine.end; ++i) x[i] *= factor;
    worker.barrier();
  }

  static void multiply(const cpu::Kernels& kernels, const cpu::GemmPlan& plan,
                       const cpu::GemmOperands& operands, Worker& worker) {
    cpu::run_gemm(kernels, plan, operands, {}, worker, cpu::Cancelling::ignored);
    worker.barrier();
  }

  std::int64_t rows_, cols_;
  NewtonSchulz settings_;
  cpu::GemmPlan gram_, square_, apply_;
  std::vector<double> sums_;  // by block
};

}  // namespace densor::ops
