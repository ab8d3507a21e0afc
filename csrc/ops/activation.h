#pragma once

#include <string>

#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"

namespace densor::ops {

// Throws Error with the list of names (and the nearest one) if there is no such activation.
math::Activation activation_from_name(const char* function, const char* argument, const std::string& name);

// Throws Error unless alpha is finite and, for leaky_relu and elu, not negative (their derivative is computed
// from the output, whose sign must tell that of the input).
void check_alpha(const char* function, math::Activation activation, double alpha,
                 const char* argument = "alpha");

// On a device the arrays of either may be bfloat16, all of them: the results are rounded once.

// y = activation(x), both (rows, cols); y may be x.
Step activation_forward(const View& y, const View& x, math::Activation activation, double alpha);

// dx = dy * activation'(saved), all (rows, cols); dx may be dy. `saved` is x where saves_input(activation),
// y otherwise.
Step activation_backward(const View& dx, const View& dy, const View& saved, math::Activation activation,
                         double alpha);

}  // namespace densor::ops
