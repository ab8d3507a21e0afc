#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/step.h"
#include "core/view.h"
#include "ops/shared/computed_gradients.h"

namespace densor::ops {

// At most one of them.
struct Clipping {
  std::optional<double> value, norm, global_norm;
};

// The arenas (n,) of one optimizer, all float32 but the mask; those from `average` on may be absent.
struct OptimizerArenas {
  View parameters, gradients;
  std::vector<View> slots;
  View average;      // the running mean of the parameters
  View accumulator;  // the sum of the gradients since the last update
  View mask;         // uint16 (n / 16,): bit j of word i is 0 where parameter 16 i + j stays 0
};

// The variables (k,) in the arenas.
struct OptimizerSegments {
  View bounds;       // int64 (k, 2): offset and size; what lies between them is not touched
  View decayed;      // uint8 (k,): whether weight decay applies
  View multipliers;  // float32 (k,), read at every step: factor of the learning rate; 0 leaves the variable
                     // alone
  View matrices;     // int64 (k, 3), for rules that prepare matrices: count, rows, columns; rows 0: no matrix
  View iterations;   // float64 (7,), for Muon: momentum, nesterov, steps, a, b, c, rms
};

// Of gradients that nothing has changed since dense_backward wrote them, on a device: what adds up to the
// sums of their squares, so that norms need not read them.
struct GradientSquares {
  View segments;           // int64 (c,): which variables
  std::vector<View> sums;  // float64 (parts,)
};

// One step: clip, decay, rule, mask, average. Gradients are multiplied by `scale` first. Reads the batch's
// hyper row [decay, coefficients of the rule..., momentum of the average and whether it overwrites the
// parameters (only with an average), whether the rule is applied or the gradient only accumulated (only with
// an accumulator)]. With an accumulator the rule sees the mean over `accumulation_steps` gradients. Gradients
// can be `computed` where there is no trust ratio, no accumulator and no mask; their norms come from what
// they are made of. With an accumulator or a mask no squares are known.
Step optimizer(const OptimizerArenas& arenas, const OptimizerSegments& segments, const std::string& rule,
               const Clipping& clipping, std::int64_t accumulation_steps, double scale,
               const ComputedGradients& computed, const GradientSquares& squares);

// Whether the rule reads all gradients of a variable before it changes the first parameter.
bool optimizer_needs_norms(const std::string& rule);

}  // namespace densor::ops
