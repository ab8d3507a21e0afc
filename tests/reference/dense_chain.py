"""Layers one after the other: z_i = x_i w_i + bias_i, y_i = f_i(z_i), x_{i+1} = y_i or, with a mask, its dropout."""

from typing import Any, NamedTuple

import numpy as np

from tests.reference import dense, dropout


class Layer(NamedTuple):
    w: Any
    bias: Any = None
    activation: str = "linear"
    alpha: float = 0.0
    keep: Any = None  # bool (rows, units), of the dropout behind it
    rate: float = 0.0
    kind: str = "inverted"


class Passed(NamedTuple):
    """What a layer read and computed."""

    x: Any
    z: Any
    y: Any


def forward(x, layers):
    """Returns a Passed for each layer."""
    passed = []
    for layer in layers:
        y, z = dense.forward(x, layer.w, layer.bias, layer.activation, layer.alpha)
        passed.append(Passed(np.asarray(x, np.float64), z, y))
        x = y if layer.keep is None else dropout.forward(y, layer.keep, layer.rate, layer.kind)
    return passed


def backward(dy, layers, passed):
    """Returns (dx, dws, dbiases)."""
    dws, dbiases, d = [], [], np.asarray(dy, np.float64)
    for layer, was in zip(reversed(layers), reversed(passed), strict=True):
        if layer.keep is not None:
            d = dropout.backward(d, layer.keep, layer.rate, layer.kind)
        d, dw, dbias, _ = dense.backward(d, was.x, layer.w, was.z, layer.activation, layer.alpha)
        dws.insert(0, dw)
        dbiases.insert(0, dbias)
    return d, dws, dbiases
