// An optimizer's pass over its arenas, as the device sees it.
#pragma once

#include <cstdint>

#include "math/operands.h"

namespace densor::cuda {

// At most kOptimizerChunk parameters of one segment: what one block of threads updates.
inline constexpr std::int64_t kOptimizerChunk = 4096;
struct OptimizerChunk {
  std::int64_t begin;
  std::int32_t size, segment;
};

// What one block of threads sums for the norms: the squares of a chunk of the gradients, or those of a whole
// variable that the product which made its gradient has left.
struct OptimizerSum {
  const double* squares;  // null: the chunk's
  std::int64_t count;
  std::int32_t chunk, segment;
};

// A variable: its chunks [first, last), the factor of its learning rate (0: frozen), whether it decays.
struct OptimizerSegment {
  std::int64_t first, last;
  float multiplier;
  bool decayed;
  std::int64_t begin = 0, size = 0;  // in the arenas
  std::int64_t first_sum = 0, last_sum = 0;
  // Where rules prepare matrices: their sizes (0: none), the first of their means of r, the place of the
  // direction (-1: none) and what multiplies it.
  std::int64_t rows = 0, cols = 0, first_mean = 0, direction = -1;
  float scale = 1.0f;
};

// The same matrices as the host counts them.
struct OptimizerMatrix {
  std::int32_t segment;
  std::int64_t count, rows, cols;
};

struct OptimizerPass {
  math::OptimizerRange range;  // of the whole arenas; what the step's hyper-parameters say is left open
  float* gradients;
  std::int64_t size;         // of the arenas
  float* accumulator;        // or null
  float accumulation_scale;  // of the accumulated gradient
  int rule;                  // index in math::OptimizerRules
  int plain_rule;            // of what gets no direction, or -1
  int coefficients, rates;   // the first `rates` coefficients are proportional to the learning rate
  bool trust_ratio;
  double norm, global_norm;  // 0: no such clipping
  const OptimizerChunk* chunks;
  const OptimizerSegment* segments;
  const OptimizerSum* sums;
  std::int64_t chunk_count, segment_count, sum_count;
  // Working memory: by sum, or by chunk; by chunk; by segment.
  double* squares;
  math::TrustSums* trust;
  float* factors;
  double* means;      // of r, by matrix
  float* directions;  // of matrices
};

// Values of hyper-parameters a step: decay, coefficients, average momentum and overwrite, whether to apply.
constexpr int hyper_count(const OptimizerPass& pass) {
  return 1 + pass.coefficients + (pass.range.average != nullptr ? 2 : 0) +
         (pass.accumulator != nullptr ? 1 : 0);
}

}  // namespace densor::cuda
