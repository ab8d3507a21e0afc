// The activations: value(x) and derivative(saved), saved being the input for silu and gelu and the output for
// the others (activation_kind.h). Derivatives at 0 are those of Keras: relu 0, leaky_relu 1, elu alpha,
// selu scale * alpha.
#pragma once

#include "math/activation_kind.h"
#include "math/erf.h"
#include "math/exp.h"
#include "math/fn.h"
#include "math/log.h"
#include "math/tanh.h"

namespace densor::math {

struct Linear {
  template <class T>
  DENSOR_FN T value(T x, T) {
    return x;
  }
  template <class T>
  DENSOR_FN T derivative(T, T) {
    return T(1.0f);
  }
};

struct Relu {
  template <class T>
  DENSOR_FN T value(T x, T) {
    return max(T(0.0f), x);  // the second operand is the one that keeps NaN
  }
  template <class T>
  DENSOR_FN T derivative(T y, T) {
    return select(y > T(0.0f), T(1.0f), T(0.0f));
  }
};

// alpha >= 0. The sign bit of y tells the side of x even where alpha x is zero.
struct LeakyRelu {
  template <class T>
  DENSOR_FN T value(T x, T alpha) {
    return select(x < T(0.0f), alpha * x, x + T(0.0f));  // -0 + 0 = +0 belongs to the right side
  }
  template <class T>
  DENSOR_FN T derivative(T y, T alpha) {
    return select(copy_sign(T(1.0f), y) < T(0.0f), alpha, T(1.0f));
  }
};

struct Elu {
  template <class T>
  DENSOR_FN T value(T x, T alpha) {
    return select(x > T(0.0f), x, alpha * expm1(x));
  }
  template <class T>
  DENSOR_FN T derivative(T y, T alpha) {
    return select(y > T(0.0f), T(1.0f), y + alpha);
  }
};

struct Selu {
  static constexpr float kScale = 1.0507009873554805f, kScaleAlpha = 1.7580993408473766f;

  template <class T>
  DENSOR_FN T value(T x, T) {
    return select(x > T(0.0f), T(kScale) * x, T(kScaleAlpha) * expm1(x));
  }
  template <class T>
  DENSOR_FN T derivative(T y, T) {
    return select(y > T(0.0f), T(kScale), y + T(kScaleAlpha));
  }
};

struct Sigmoid {
  template <class T>
  DENSOR_FN T value(T x, T) {
    return sigmoid(x);
  }
  template <class T>
  DENSOR_FN T derivative(T y, T) {
    return y * (T(1.0f) - y);
  }
};

struct Tanh {
  template <class T>
  DENSOR_FN T value(T x, T) {
    return tanh(x);
  }
  template <class T>
  DENSOR_FN T derivative(T y, T) {
    return fma(-y, y, T(1.0f));
  }
};

// x sigmoid(beta x), beta = alpha.
struct Silu {
  template <class T>
  DENSOR_FN T value(T x, T beta) {
    return x / (T(1.0f) + exp(-beta * x));
  }
  template <class T>
  DENSOR_FN T derivative(T x, T beta) {
    const T e = exp(-abs(beta * x));
    const T r = T(1.0f) / (T(1.0f) + e);
    const T s = select(beta * x < T(0.0f), e * r, r);  // sigmoid(beta x)
    return fma(beta * x, e * r * r, s);                // s (1 - s) without the cancellation
  }
};

// x Phi(x).
struct Gelu {
  template <class T>
  DENSOR_FN T value(T x, T) {
    return x * normal(x).distribution;
  }
  template <class T>
  DENSOR_FN T derivative(T x, T) {
    constexpr float kInverseSqrtTwoPi = 0.39894228f;
    const Normal<T> n = normal(x);
    return fma(x * T(kInverseSqrtTwoPi), n.bell, n.distribution);
  }
};

// log(1 + exp(x)); its derivative sigmoid(x) is 1 - exp(-y).
struct Softplus {
  template <class T>
  DENSOR_FN T value(T x, T) {
    // min and not -abs: both terms of a NaN have its sign, so that the sum does not depend on their order.
    return max(T(0.0f), x) + log1p(exp(min(-x, x)));
  }
  template <class T>
  DENSOR_FN T derivative(T y, T) {
    return -expm1(-y);
  }
};

// f(Relu{}) and so on for the activation named at run time.
template <class F>
DENSOR_FN void with_activation(Activation activation, F f) {
  switch (activation) {
    case Activation::linear:
      return f(Linear{});
    case Activation::relu:
      return f(Relu{});
    case Activation::leaky_relu:
      return f(LeakyRelu{});
    case Activation::elu:
      return f(Elu{});
    case Activation::selu:
      return f(Selu{});
    case Activation::sigmoid:
      return f(Sigmoid{});
    case Activation::tanh:
      return f(Tanh{});
    case Activation::silu:
      return f(Silu{});
    case Activation::gelu:
      return f(Gelu{});
    case Activation::softplus:
      return f(Softplus{});
  }
}

}  // namespace densor::math
