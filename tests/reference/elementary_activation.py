"""Activations without a kernel of their own, as their definitions read, in float64."""

import numpy as np


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    above = x if max_value is None else np.minimum(x, max_value)
    return np.where(x > threshold, above, negative_slope * (x - threshold))


def glu(x):
    a, b = np.split(x, 2, axis=-1)
    return a * sigmoid(b)


DEFINITIONS = {
    "celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    "exponential": np.exp,
    "gelu": lambda x, approximate: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "glu": glu,
    "hard_shrink": lambda x, threshold=0.5: x * (np.abs(x) > threshold),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(axis=-1, keepdims=True)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "relu": relu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "silu": lambda x, beta: x * sigmoid(beta * x),
    "soft_shrink": lambda x, threshold=0.5: np.sign(x) * np.maximum(np.abs(x) - threshold, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sparse_plus": lambda x: np.where(x < 1, np.maximum(x + 1, 0) ** 2 / 4, x),
    "sparse_sigmoid": lambda x: (np.clip(x, -1, 1) + 1) / 2,
    "squareplus": lambda x, b=4: (x + np.sqrt(x * x + b)) / 2,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "threshold": lambda x, threshold, default_value: np.where(x > threshold, x, default_value),
}

# name, arguments: each function with its defaults and with others.
CASES = [
    ("celu", {}), ("celu", {"alpha": 0.4}), ("exponential", {}), ("gelu", {"approximate": True}), ("glu", {}),
    ("hard_shrink", {}), ("hard_shrink", {"threshold": 0.9}), ("hard_sigmoid", {}), ("hard_silu", {}),
    ("hard_tanh", {}), ("log_sigmoid", {}), ("log_softmax", {}), ("mish", {}),
    ("relu", {"max_value": 1.5}), ("relu", {"threshold": 0.7}), ("relu", {"negative_slope": 0.2, "threshold": 0.7}),
    ("relu", {"negative_slope": 0.2, "max_value": 1.5, "threshold": 0.7}), ("relu6", {}),
    ("soft_shrink", {}), ("soft_shrink", {"threshold": 0.9}), ("softsign", {}), ("sparse_plus", {}),
    ("sparse_sigmoid", {}), ("squareplus", {}), ("squareplus", {"b": 0.3}), ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.3, "default_value": -0.8}),
]  # fmt: skip
