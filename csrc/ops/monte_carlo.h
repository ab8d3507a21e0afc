#pragma once

#include <cstdint>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Takes x (rows, cols), the sample whose number is the repeat being run, into mean and squares (rows, cols):
// the mean of the samples so far and their sum of squared deviations from it. The first sample overwrites
// both.
Step monte_carlo_accumulate(const View& mean, const View& squares, const View& x);

// deviation = sqrt(squares / samples); may be `squares`.
Step monte_carlo_deviation(const View& deviation, const View& squares, std::int64_t samples);

// Entropy in nats of every row of probabilities p (rows, cols), to entropy (rows,): of one choice among cols,
// or the sum over cols independent ones.
Step monte_carlo_entropy(const View& entropy, const View& p, bool independent);

}  // namespace densor::ops
