"""A stack of dense layers and batch normalizations under mixed_bfloat16: every store rounds, nothing else does.

A layer is ("dense", w, b, activation) or ("batch_norm", gamma, beta, activation); activations are linear or relu. The
last one, a dense layer, may compute in float32.
"""

import numpy as np

from tests.reference import batch_norm, softmax
from tests.reference.cast import forward as rounded

EPSILON = 1e-3


def stored(x, dtype="bfloat16"):
    x = np.asarray(x, np.float32)
    return (rounded(x) if dtype == "bfloat16" else x).astype(np.float64)


def forward(layers, x, last="bfloat16"):
    """What is stored before, between and behind the layers."""
    values = [stored(x)]
    for index, (kind, first, second, activation) in enumerate(layers):
        dtype = last if index == len(layers) - 1 else "bfloat16"
        if kind == "dense":
            z = values[-1] @ stored(first, dtype) + second
        else:
            z = batch_norm.forward(values[-1], first, second, EPSILON, "linear", 0.0)[0]
        values.append(stored(np.maximum(z, 0) if activation == "relu" else z, dtype))
    return values


def backward(layers, values, label, last="bfloat16"):
    """(loss, gradients) of a mean softmax cross-entropy on the last values; a pair of gradients for each layer."""
    logits = values[-1]
    p = softmax.forward(logits)
    rows = np.arange(len(label))
    loss = -np.log(p[rows, label]).mean()
    p[rows, label] -= 1.0
    d = stored(p / len(label), last)
    gradients = []
    for index in reversed(range(len(layers))):
        kind, first, _second, activation = layers[index]
        dtype = last if index == len(layers) - 1 else "bfloat16"
        x, y = values[index], values[index + 1]
        dz = d * (y > 0) if activation == "relu" else d
        if kind == "dense":
            dz = stored(dz, dtype)
            gradients.append((x.T @ dz, dz.sum(axis=0)))
            d = stored(dz @ stored(first, dtype).T)
        else:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            dx, dgamma, dbeta = batch_norm.backward(dz, x, dz, first, mean, variance, EPSILON)
            gradients.append((dgamma, dbeta))
            d = stored(dx)
    return loss, gradients[::-1]
