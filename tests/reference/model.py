"""Whole models in float64: a list of nodes, executed node by node, and its loss.

The description is the tests' own, so that nothing of the library's graph takes part in its own judgement.
`tests/architectures.py` draws such models and builds the same ones from the library's layers.
"""

from dataclasses import dataclass, field

import numpy as np

from tests.reference import (
    activation,
    batch_norm,
    dense,
    dropout,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax,
)

EPSILON = 1e-3


@dataclass(frozen=True)
class Node:
    """One layer call: kind, the layer's name (calls of a shared layer carry the same), indices of its inputs."""

    kind: str
    layer: str
    inputs: tuple[int, ...]
    options: dict = field(default_factory=dict)


def _activate(x, name, alpha):
    return softmax.forward(x) if name == "softmax" else activation.forward(x, name, alpha)


def _batch_norm(x, gamma, beta, moving_mean, moving_variance, training):
    if training:
        return batch_norm.forward(x, gamma, beta, EPSILON)[0]
    return batch_norm.inference(x, gamma, beta, moving_mean, moving_variance, EPSILON)[0]


def _execute(node, xs, weights, training, keep):
    name, alpha = node.options.get("activation", "linear"), node.options.get("alpha", 0.0)
    match node.kind:
        case "dense":
            kernel, *bias = weights[node.layer]
            return _activate(dense.forward(xs[0], kernel, *bias)[0], name, alpha)
        case "batch_norm":
            frozen = node.options.get("frozen", False)
            return _batch_norm(xs[0], *weights[node.layer], training and not frozen)
        case "dropout":
            return dropout.forward(xs[0], keep, node.options["rate"]) if training else xs[0]
        case "activation":
            return _activate(xs[0], name, alpha)
        case "add":
            return sum(xs[1:], start=xs[0])
        case "concatenate":
            return np.concatenate(xs, axis=1)
        case "rescaling":
            return xs[0] * node.options["scale"] + node.options["offset"]
    raise ValueError(node.kind)


def predict(nodes, weights, x, training=False, masks=None):
    """Output of the last node. weights: arrays by layer name; masks: bool array by index of the dropout node."""
    values = []
    for index, node in enumerate(nodes):
        if node.kind == "input":
            values.append(np.asarray(x, np.float64))
            continue
        xs = [values[i] for i in node.inputs]
        values.append(_execute(node, xs, weights, training, (masks or {}).get(index)))
    return values[-1]


def row_losses(kind, y_pred, y_true):
    """The loss of each row from the model's output: probabilities, or logits where the kind says so."""
    rows = np.arange(len(y_pred))
    match kind:
        case "sparse":
            return -np.log(y_pred[rows, y_true])
        case "sparse_logits":
            return -softmax.log_forward(y_pred)[rows, y_true]
        case "categorical":
            return -(y_true * np.log(y_pred)).sum(axis=1)
        case "binary":
            return -(y_true * np.log(y_pred) + (1 - y_true) * np.log1p(-y_pred)).mean(axis=1)
        case "binary_logits":
            return sigmoid_cross_entropy.forward(y_pred, y_true)
        case "mse":
            return mean_squared_error.forward(y_pred, y_true)
        case "mae":
            return mean_absolute_error.forward(y_pred, y_true)
    raise ValueError(kind)


def loss(nodes, kind, weights, x, y, sample_weight=None, training=True, masks=None):
    """Mean over rows of sample_weight * loss."""
    rows = row_losses(kind, predict(nodes, weights, x, training, masks), y)
    return float((rows if sample_weight is None else rows * sample_weight).mean())


def central_difference(function, array, step=1e-6):
    """Gradient of function() with respect to `array`, which is changed in place and put back."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = function()
        array[index] = value - step
        below = function()
        array[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient
