"""The references themselves: each backward definition is the derivative of its forward definition."""

import numpy as np
import pytest

from tests.reference import (
    activation,
    batch_norm,
    dense,
    dense_chain,
    distillation,
    dropout,
    layer_norm,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
)
from tests.reference.model import central_difference

RNG = np.random.default_rng(12)
ROWS, COLS = 5, 4


def assert_derivative(function, array, gradient):
    """gradient is d function() / d array; function returns an array that dy weighs to a scalar."""
    difference = central_difference(function, array)
    np.testing.assert_allclose(gradient, difference, rtol=1e-6, atol=1e-8)


def values(*shape):
    return RNG.standard_normal(shape)


@pytest.mark.parametrize("name", activation.NAMES)
def test_activation(name):
    x, dy = values(ROWS, COLS), values(ROWS, COLS)
    assert_derivative(
        lambda: (dy * activation.forward(x, name, 0.7)).sum(), x, activation.backward(dy, x, name, 0.7)
    )


def test_softmax():
    x, dy = values(ROWS, COLS), values(ROWS, COLS)
    assert_derivative(lambda: (dy * softmax.forward(x)).sum(), x, softmax.backward(dy, softmax.forward(x)))


def test_dense():
    x, w, bias, dy = values(ROWS, 3), values(3, COLS), values(COLS), values(ROWS, COLS)
    z = dense.forward(x, w, bias, "tanh")[1]
    for array, gradient in zip((x, w, bias), dense.backward(dy, x, w, z, "tanh"), strict=False):
        assert_derivative(lambda: (dy * dense.forward(x, w, bias, "tanh")[0]).sum(), array, gradient)


@pytest.mark.parametrize("kind", ["inverted", "alpha"])
def test_dense_chain(kind):
    keep = RNG.random((ROWS, COLS)) < 0.6
    layers = [
        dense_chain.Layer(values(3, COLS), values(COLS), "tanh", 0.0, keep, 0.4, kind),
        dense_chain.Layer(values(COLS, 2), values(2), "silu", 0.7),
    ]
    x, dy = values(ROWS, 3), values(ROWS, 2)
    dx, dws, dbiases = dense_chain.backward(dy, layers, dense_chain.forward(x, layers))
    arrays = [x, *(layer.w for layer in layers), *(layer.bias for layer in layers)]
    for array, gradient in zip(arrays, [dx, *dws, *dbiases], strict=True):
        assert_derivative(lambda: (dy * dense_chain.forward(x, layers)[-1].y).sum(), array, gradient)


@pytest.mark.parametrize("name", ["linear", "tanh"])
def test_batch_norm(name):
    x, gamma, beta, dy = values(ROWS, COLS), values(COLS), values(COLS), values(ROWS, COLS)
    _, z, mean, variance = batch_norm.forward(x, gamma, beta, 1e-3, name)
    gradients = batch_norm.backward(dy, x, z, gamma, mean, variance, 1e-3, name)
    for array, gradient in zip((x, gamma, beta), gradients, strict=True):
        assert_derivative(
            lambda: (dy * batch_norm.forward(x, gamma, beta, 1e-3, name)[0]).sum(), array, gradient
        )


def test_frozen_batch_norm():
    x, gamma, beta, dy = values(ROWS, COLS), values(COLS), values(COLS), values(ROWS, COLS)
    arguments = (values(COLS), values(COLS) ** 2, 1e-3, "tanh")
    z = batch_norm.inference(x, gamma, beta, *arguments)[1]
    gradients = batch_norm.inference_backward(dy, x, z, gamma, *arguments)
    for array, gradient in zip((x, gamma, beta), gradients, strict=True):
        assert_derivative(
            lambda: (dy * batch_norm.inference(x, gamma, beta, *arguments)[0]).sum(), array, gradient
        )


@pytest.mark.parametrize("kind", ["layer", "rms", "unit"])
@pytest.mark.parametrize("groups", [1, 2])
def test_layer_norm(kind, groups):
    x, gamma, beta, dy = values(6, COLS), values(groups, 2), values(groups, 2), values(6, COLS)
    gradients = layer_norm.backward(dy, x, gamma, 1e-3, kind)
    for array, gradient in zip((x, gamma, beta), gradients, strict=True):
        assert_derivative(
            lambda: (dy * layer_norm.forward(x, gamma, beta, 1e-3, kind)).sum(), array, gradient
        )


def test_dropout():
    x, dy, keep = values(ROWS, COLS), values(ROWS, COLS), dropout.kept(ROWS, COLS, 0.4, 1, 2)
    assert 0 < keep.sum() < keep.size
    assert_derivative(lambda: (dy * dropout.forward(x, keep, 0.4)).sum(), x, dropout.backward(dy, keep, 0.4))


LOSSES = [
    (softmax_cross_entropy, np.array([0, 3, 1, 2, 0])),
    (softmax_cross_entropy, np.abs(values(ROWS, COLS))),
    (sigmoid_cross_entropy, RNG.random((ROWS, COLS))),
    (mean_squared_error, values(ROWS, COLS)),
    (mean_squared_error, values(ROWS, 1)),
    (mean_absolute_error, values(ROWS, COLS)),
]


def test_distillation():
    x, target, weight = values(ROWS, COLS), values(ROWS, COLS), RNG.random(ROWS)
    assert_derivative(
        lambda: 0.3 * (weight * distillation.forward(x, target, 2.5)).sum(),
        x,
        distillation.backward(x, target, 2.5, weight, 0.3),
    )


@pytest.mark.parametrize(("loss", "target"), LOSSES)
def test_losses(loss, target):
    x, weight, scale = values(ROWS, COLS), RNG.random(ROWS), 0.3
    assert_derivative(
        lambda: scale * (weight * loss.forward(x, target)).sum(), x, loss.backward(x, target, weight, scale)
    )
