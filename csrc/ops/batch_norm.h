#pragma once

#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"

namespace densor::ops {

// Batch normalization of columns: x, y, dx, dy (rows, cols), all others (cols,). Column-local steps.
// The activation must be one whose derivative is computed from its output.
struct BatchNormOptions {
  double epsilon;
  math::Activation activation;
  double alpha;
};

// Batch statistics (biased variance) go to mean and variance; gamma and beta may be absent.
Step batch_norm_forward(const View& y, const View& mean, const View& variance, const View& x,
                        const View& gamma, const View& beta, const BatchNormOptions& options);

// By the moving statistics; y may be x.
Step batch_norm_inference(const View& y, const View& x, const View& gamma, const View& beta,
                          const View& moving_mean, const View& moving_variance,
                          const BatchNormOptions& options);

struct BatchNormGradientViews {
  View dx, dgamma, dbeta;  // each may be absent; dx may be dy
};

// y, the output, may be absent where the activation is linear; gamma where there was none.
Step batch_norm_backward(const BatchNormGradientViews& gradients, const View& dy, const View& x,
                         const View& y, const View& mean, const View& variance, const View& gamma,
                         const BatchNormOptions& options);

// With moving statistics, which are constants: a frozen layer inside training.
Step batch_norm_inference_backward(const BatchNormGradientViews& gradients, const View& dy, const View& x,
                                   const View& y, const View& gamma, const View& moving_mean,
                                   const View& moving_variance, const BatchNormOptions& options);

// The variance is multiplied by `correction` (n / (n - 1) makes it unbiased). from_first: a column whose
// moving statistics are still (0, 1) takes those of the batch.
struct MovingAverageOptions {
  double momentum, correction;
  bool from_first;
};

// moving = moving * momentum + batch * (1 - momentum), for both statistics.
Step batch_norm_update(const View& moving_mean, const View& moving_variance, const View& mean,
                       const View& variance, const MovingAverageOptions& options);

}  // namespace densor::ops
