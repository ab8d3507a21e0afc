#pragma once

#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"

namespace densor::ops {

// Batch normalization of columns: x, y, dx, dy (rows, cols), all others (cols,). Column-local steps. On a
// device x, y, dx and dy may be bfloat16, all of them: results are rounded once.
// The activation must be one whose derivative is computed from its output.
struct BatchNormOptions {
  double epsilon;
  math::Activation activation;
  double alpha;
};

// Moments of x that the product before has left, on a device: (2, parts, cols), as dense_forward says.
struct ProductMoments {
  View parts;  // may be absent
  std::int64_t rows = 0;
};

// Dropout behind the activation in the same pass; rate, seed and stream are those of dropout_forward: the
// mask (rows, words) receives what passes both. rounded: what is dropped out, and what comes back of its
// gradient, is rounded to bfloat16, as if it had been stored.
struct BatchNormDropout {
  View mask;  // may be absent
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  bool rounded = false;
};

// Batch statistics (biased variance) go to mean and variance; gamma and beta may be absent. With dropout the
// activation is linear or relu.
Step batch_norm_forward(const View& y, const View& mean, const View& variance, const View& x,
                        const View& gamma, const View& beta, const BatchNormOptions& options,
                        const ProductMoments& moments, const BatchNormDropout& dropout);

// By the moving statistics; y may be x.
Step batch_norm_inference(const View& y, const View& x, const View& gamma, const View& beta,
                          const View& moving_mean, const View& moving_variance,
                          const BatchNormOptions& options);

struct BatchNormGradientViews {
  View dx, dgamma, dbeta;  // each may be absent; dx may be dy
};

// y, the output, may be absent where the activation is linear; gamma where there was none. With dropout,
// whose mask is read, y is absent.
Step batch_norm_backward(const BatchNormGradientViews& gradients, const View& dy, const View& x,
                         const View& y, const View& mean, const View& variance, const View& gamma,
                         const BatchNormOptions& options, const BatchNormDropout& dropout);

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
