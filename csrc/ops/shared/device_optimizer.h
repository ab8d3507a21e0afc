// The pass of an optimizer over arenas on a device: the tables its kernels read, and its step.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "cuda/memory.h"
#include "ops/shared/device_gemm.h"
#include "ops/shared/device_step.h"
#include "ops/shared/optimizer_pass.h"

namespace densor::ops {

// Squares of gradients that the products which made them have left, in device memory.
struct KnownSquares {
  struct One {
    std::int64_t segment;  // as given
    const double* sums;
    std::int64_t count;
  };
  std::vector<One> all;
};

// The variables cut into chunks, in device memory, and the working memory of the norms and of what rules
// prepare.
class DeviceSegments {
 public:
  DeviceSegments(const std::vector<OptimizerSegment>& segments, const float* multipliers,
                 const OptimizerRule& rule, const NewtonSchulz& iterations, const KnownSquares& known)
      : host_(segments), multipliers_(multipliers) {
    std::vector<cuda::OptimizerChunk> chunks;
    std::vector<cuda::OptimizerSum> sums;
    for (std::size_t k = 0; k < segments.size(); ++k) {
      const OptimizerSegment& segment = segments[k];
      host_[k].first_block = static_cast<std::int64_t>(chunks.size());
      for (std::int64_t i = segment.begin; i < segment.end; i += cuda::kOptimizerChunk)
        chunks.push_back({i, static_cast<std::int32_t>(std::min(cuda::kOptimizerChunk, segment.end - i)),
                          static_cast<std::int32_t>(k)});
      host_[k].last_block = static_cast<std::int64_t>(chunks.size());
      add_sums(sums, k, known);
      if (segment.end > segment.begin && segment.shape.rows > 0) add_matrix(k, rule, iterations);
    }
    sum_count_ = static_cast<std::int64_t>(sums.size());
    sums_ = cuda::copy_to_device(sums);
    chunk_count_ = static_cast<std::int64_t>(chunks.size());
    chunks_ = cuda::copy_to_device(chunks);
    segments_ = std::make_unique<cuda::Memory>(sizeof(cuda::OptimizerSegment) * segments.size());
    squares_ = std::make_unique<cuda::Memory>(sizeof(double) * chunks.size());
    trust_ = std::make_unique<cuda::Memory>(sizeof(math::TrustSums) * chunks.size());
    factors_ = std::make_unique<cuda::Memory>(sizeof(float) * segments.size());
    means_ = std::make_unique<cuda::Memory>(sizeof(double) * static_cast<std::size_t>(mean_count_));
    directions_ = std::make_unique<cuda::Memory>(sizeof(float) * static_cast<std::size_t>(direction_count_));
  }

  // Multipliers may have changed since the last run.
  void refresh() const {
    std::vector<cuda::OptimizerSegment> now;
    for (std::size_t k = 0; k < host_.size(); ++k) {
      const OptimizerSegment& s = host_[k];
      const float multiplier = multipliers_ == nullptr ? 1.0f : multipliers_[s.index];
      cuda::OptimizerSegment segment{s.first_block, s.last_block, multiplier, s.decayed};
      segment.begin = s.begin;
      segment.size = s.end - s.begin;
      segment.first_sum = first_sums_[k];
      segment.last_sum = k + 1 < first_sums_.size() ? first_sums_[k + 1] : sum_count_;
      for (const Prepared& one : prepared_)
        if (one.matrix.segment == static_cast<std::int32_t>(k)) one.tell(segment);
      now.push_back(segment);
    }
    segments_->fill(now.data(), static_cast<std::int64_t>(now.size()));
  }

  void point(cuda::OptimizerPass& pass) const {
    pass.chunks = chunks_->as<const cuda::OptimizerChunk>();
    pass.segments = segments_->as<const cuda::OptimizerSegment>();
    pass.sums = sums_->as<const cuda::OptimizerSum>();
    pass.chunk_count = chunk_count_;
    pass.sum_count = sum_count_;
    pass.segment_count = static_cast<std::int64_t>(host_.size());
    pass.squares = squares_->as<double>();
    pass.trust = trust_->as<math::TrustSums>();
    pass.factors = factors_->as<float>();
    pass.means = means_->as<double>();
    pass.directions = directions_->as<float>();
  }

  std::vector<cuda::OptimizerMatrix> matrices() const {
    std::vector<cuda::OptimizerMatrix> result;
    for (const Prepared& one : prepared_) result.push_back(one.matrix);
    return result;
  }
  std::int64_t direction_of(const cuda::OptimizerMatrix& matrix) const {
    const auto found = std::find_if(prepared_.begin(), prepared_.end(), [&](const Prepared& one) {
      return one.matrix.segment == matrix.segment;
    });
    return found->direction;
  }

 private:
  // A variable of matrices; those of Muon are one each.
  struct Prepared {
    cuda::OptimizerMatrix matrix;
    std::int64_t first_mean, direction;
    float scale;

    void tell(cuda::OptimizerSegment& segment) const {
      segment.rows = matrix.rows;
      segment.cols = matrix.cols;
      segment.first_mean = first_mean;
      segment.direction = direction;
      segment.scale = scale;
    }
  };

  // Of segment `k`, whose chunks are known: one of what its product has left, else one for each chunk.
  void add_sums(std::vector<cuda::OptimizerSum>& sums, std::size_t k, const KnownSquares& known) {
    const OptimizerSegment& segment = host_[k];
    const auto number = static_cast<std::int32_t>(k);
    first_sums_.push_back(static_cast<std::int64_t>(sums.size()));
    if (segment.end == segment.begin) return;
    for (const KnownSquares::One& one : known.all)
      if (one.segment == segment.index) return sums.push_back({one.sums, one.count, 0, number});
    for (std::int64_t chunk = segment.first_block; chunk < segment.last_block; ++chunk)
      sums.push_back({nullptr, 0, static_cast<std::int32_t>(chunk), number});
  }

  void add_matrix(std::size_t k, const OptimizerRule& rule, const NewtonSchulz& iterations) {
    const math::MatrixShape& shape = host_[k].shape;
    const bool directed = rule.preparation == math::Preparation::orthogonal;
    const float scale = directed ? direction_scale(iterations, shape.rows, shape.cols) : 1.0f;
    prepared_.push_back({{static_cast<std::int32_t>(k), shape.count, shape.rows, shape.cols},
                         mean_count_,
                         directed ? direction_count_ : -1,
                         scale});
    if (directed)
      direction_count_ += (shape.rows * shape.cols + kLine - 1) / kLine * kLine;
    else
      mean_count_ += shape.count;
  }

  std::vector<OptimizerSegment> host_;
  const float* multipliers_;
  std::vector<Prepared> prepared_;
  std::int64_t chunk_count_ = 0, sum_count_ = 0, mean_count_ = 0, direction_count_ = 0;
  std::vector<std::int64_t> first_sums_;  // by segment
  std::shared_ptr<const cuda::Memory> chunks_, sums_;
  std::unique_ptr<cuda::Memory> segments_, squares_, trust_, factors_, means_, directions_;
};

// The iterations of ops/shared/orthogonal.h on a device.
class DeviceDirection {
 public:
  DeviceDirection(const cuda::OptimizerMatrix& shape, std::int64_t place, const NewtonSchulz& settings)
      : size_(shape.rows * shape.cols), place_(place), settings_(settings), wide_(shape.rows <= shape.cols) {
    const std::int64_t rows = shape.rows, cols = shape.cols, side = std::min(rows, cols);
    square_ = side * side;
    gram_ = device_gemm(wide_ ? cuda::GemmProblem{rows, rows, cols, false, true}
                              : cuda::GemmProblem{cols, cols, rows, true, false});
    squared_ = device_gemm({side, side, side, false, false});
    applied_ = device_gemm(wide_ ? cuda::GemmProblem{rows, cols, rows, false, false}
                                 : cuda::GemmProblem{rows, cols, cols, false, false});
  }

  // Floats of working memory.
  std::int64_t memory() const {
    return matrices() + std::max({gram_.scratch(), squared_.scratch(), applied_.scratch()});
  }

  void launch(const Queue& queue, float* directions, float* memory) const {
    float *x = directions + place_, *y = memory, *gram = y + padded(size_), *square = gram + padded(square_);
    const auto combine = cuda::launchers().muon_combine;
    Queue products = queue;
    products.scratch = memory + matrices();
    for (int step = 0; step < settings_.steps; ++step) {
      multiply(products, gram_, {gram, x, x}, {});
      multiply(products, squared_, {square, gram, gram}, {});
      combine(queue, square, gram, settings_.b, settings_.c, square_);
      multiply(products, applied_, {y, wide_ ? square : x, wide_ ? x : square}, {});
      combine(queue, x, y, 1.0f, settings_.a, size_);
    }
  }

 private:
  std::int64_t matrices() const { return padded(size_) + 2 * padded(square_); }
  static std::int64_t padded(std::int64_t n) { return (n + kLine - 1) / kLine * kLine; }

  std::int64_t size_, place_, square_ = 0;
  NewtonSchulz settings_;
  bool wide_;
  cuda::GemmPlan gram_, squared_, applied_;
};

inline Step optimizer_on_device(const Check& check, cuda::OptimizerPass pass, const OptimizerRule& rule,
                                const std::vector<OptimizerSegment>& segments, const float* multipliers,
                                const NewtonSchulz& iterations, const KnownSquares& known) {
  const auto tables = std::make_shared<const DeviceSegments>(segments, multipliers, rule, iterations, known);
  tables->point(pass);
  const std::vector<cuda::OptimizerMatrix> matrices = tables->matrices();
  std::vector<DeviceDirection> directions;
  Step step;
  step.name = check.function();
  if (rule.preparation == math::Preparation::orthogonal)
    for (const cuda::OptimizerMatrix& matrix : matrices) {
      directions.emplace_back(matrix, tables->direction_of(matrix), iterations);
      step.scratch = std::max(step.scratch, directions.back().memory());
    }
  step.masks_rows = true;
  step.launch = [pass, rule, matrices, directions, iterations](const Queue& queue) {
    const cuda::Launchers& kernels = cuda::launchers();
    kernels.optimizer_gradients(queue, pass, rule.preparation != math::Preparation::none);
    if (rule.preparation == math::Preparation::factored) kernels.adafactor(queue, pass, matrices);
    if (!directions.empty())
      kernels.muon_start(queue, pass, static_cast<float>(iterations.momentum), iterations.nesterov);
    for (const DeviceDirection& direction : directions)
      direction.launch(queue, pass.directions, queue.scratch);
    kernels.optimizer(queue, pass);
  };
  step.prepare = [tables, columns = cuda::hyper_count(pass)](const Queue& queue) {
    require_hyper(queue.first->hyper, queue.first->hyper_count, columns);
    tables->refresh();
  };
  return step;
}

}  // namespace densor::ops
