#pragma once

#include <cstdint>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Which numbers: two fills agree where seed and stream do, a shorter one being the beginning of a longer one.
struct RandomSeed {
  std::uint64_t seed;
  std::uint32_t stream;
};

// `out`: float32 of any shape. Uniform in [low, high).
Step random_uniform(const View& out, double low, double high, RandomSeed seed);
Step random_normal(const View& out, double mean, double stddev, RandomSeed seed);
// The normal distribution within two standard deviations of the mean.
Step random_truncated_normal(const View& out, double mean, double stddev, RandomSeed seed);

// out (rows, cols): uniform in [low[j], high[j]) of each column; low, high (cols,). A function of seed,
// stream, the step being run, row and column.
Step random_rows(const View& out, const View& low, const View& high, RandomSeed seed);

// A uniform permutation of 0..n-1; out: int64 (n,).
Step permutation(const View& out, RandomSeed seed);

}  // namespace densor::ops
