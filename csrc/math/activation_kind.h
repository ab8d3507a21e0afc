// The activations, by name.
#pragma once

namespace densor::math {

// `alpha` of a call is the slope of leaky_relu, the scale of elu's negative side, the beta of silu; the
// others ignore it.
enum class Activation { linear, relu, leaky_relu, elu, selu, sigmoid, tanh, silu, gelu, softplus };

inline constexpr int kActivationCount = 10;

constexpr const char* activation_name(Activation a) {
  constexpr const char* names[kActivationCount] = {"linear",  "relu", "leaky_relu", "elu",  "selu",
                                                   "sigmoid", "tanh", "silu",       "gelu", "softplus"};
  return names[static_cast<int>(a)];
}

// Whether the derivative is computed from the activation's input; from its output otherwise.
constexpr bool saves_input(Activation a) { return a == Activation::silu || a == Activation::gelu; }

}  // namespace densor::math
