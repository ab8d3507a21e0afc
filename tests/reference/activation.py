"""y = f(x) and dx = dy * f'(x) of the activations, with Keras' constants and its choice of f'(0)."""

import math

import numpy as np

NAMES = ("linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "gelu", "softplus")
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772

_erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _expm1_below_zero(x):
    return np.expm1(np.minimum(x, 0.0))


def forward(x, name, alpha=0.0):
    x = np.asarray(x, np.float64)
    match name:
        case "linear":
            return x.copy()
        case "relu":
            return np.maximum(x, 0.0)
        case "leaky_relu":
            return np.where(x >= 0, x, alpha * x)
        case "elu":
            return np.where(x > 0, x, alpha * _expm1_below_zero(x))
        case "selu":
            return SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * _expm1_below_zero(x))
        case "sigmoid":
            return sigmoid(x)
        case "tanh":
            return np.tanh(x)
        case "silu":
            return x * sigmoid(alpha * x)
        case "gelu":
            return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))
        case "softplus":
            return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    raise ValueError(name)


def derivative(x, name, alpha=0.0):
    x = np.asarray(x, np.float64)
    match name:
        case "linear":
            return np.ones_like(x)
        case "relu":
            return np.where(x > 0, 1.0, 0.0)
        case "leaky_relu":
            return np.where(x >= 0, 1.0, alpha)
        case "elu":
            return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))
        case "selu":
            return SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0.0)))
        case "sigmoid":
            return sigmoid(x) * sigmoid(-x)
        case "tanh":
            return 1.0 - np.tanh(x) ** 2
        case "silu":
            s = sigmoid(alpha * x)
            return s + alpha * x * s * (1.0 - s)
        case "gelu":
            density = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
            return 0.5 * (1.0 + _erf(x / math.sqrt(2.0))) + x * density
        case "softplus":
            return sigmoid(x)
    raise ValueError(name)


def backward(dy, x, name, alpha=0.0):
    return np.asarray(dy, np.float64) * derivative(x, name, alpha)


def slope(saved, name, alpha):
    """f'(x) from what the forward pass saved: y for these, x for the others."""
    match name:
        case "linear":
            return np.ones_like(saved)
        case "relu":
            return (saved > 0).astype(float)
        case "leaky_relu":
            return np.where(saved >= 0, 1.0, alpha)
        case "elu":
            return np.where(saved > 0, 1.0, saved + alpha)
        case "selu":
            scale, slope = SELU_SCALE, SELU_ALPHA
            return np.where(saved > 0, scale, saved + scale * slope)
        case "sigmoid":
            return saved * (1.0 - saved)
        case "tanh":
            return 1.0 - saved * saved
        case "softplus":
            return -np.expm1(-saved)
    return derivative(saved, name, alpha)
