#pragma once

#include <cstdint>
#include <string>

#include "core/step.h"
#include "core/view.h"
#include "math/layer_norm_kind.h"

namespace densor::ops {

// Normalization of the rows of x (rows, cols). gamma and beta are (groups, inner): row i uses row i % groups
// of them, its column j their column j % inner; inner divides cols. With groups = 1 and inner = cols this is
// layer normalization; a row per (sample, group of channels) makes it group normalization. On a device x, y,
// dx and dy may be bfloat16, all of them: results are rounded once.
struct LayerNormOptions {
  double epsilon;
  math::LayerNormKind kind;
};

math::LayerNormKind layer_norm_kind(const char* function, const char* argument, const std::string& name);

// statistics (rows, 3): mean, what its rounding lost, 1 / deviation. gamma and beta may be absent; y may be
// x.
Step layer_norm_forward(const View& y, const View& statistics, const View& x, const View& gamma,
                        const View& beta, const LayerNormOptions& options);

struct LayerNormGradientViews {
  View dx, dgamma, dbeta;  // each may be absent
};

Step layer_norm_backward(const LayerNormGradientViews& gradients, const View& dy, const View& x,
                         const View& statistics, const View& gamma, const LayerNormOptions& options);

}  // namespace densor::ops
