#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// At most one of them.
struct Clipping {
  std::optional<double> value, norm, global_norm;
};

// One step over the flat arenas (n,): clip, decay, rule. `segments` int64 (k, 2) holds offset and size of
// each variable; what lies between them is not touched. `decayed` uint8 (k,): whether weight decay applies.
// Reads the batch's hyper row [decay, coefficients of the rule...].
Step optimizer(const View& parameters, const View& gradients, const std::vector<View>& slots,
               const View& segments, const View& decayed, const std::string& rule, const Clipping& clipping);

}  // namespace densor::ops
