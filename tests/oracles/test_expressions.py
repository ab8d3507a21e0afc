"""Activations written in `ops` train as the same Python code does in Keras."""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

ROWS, STEPS = 64, 50
ACTIVATIONS = {
    "swish": lambda ops: lambda z: z * ops.sigmoid(1.5 * z),
    "mish": lambda ops: lambda z: z * ops.tanh(ops.softplus(z)),
    "choice": lambda ops: lambda z: ops.where(z > 0.0, z, 0.3 * ops.expm1(ops.minimum(z, 0.0))),
    "standardized": lambda ops: (
        lambda z: (
            (z - ops.mean(z, axis=-1, keepdims=True)) / ops.sqrt(ops.var(z, axis=-1, keepdims=True) + 0.01)
        )
    ),
}


def trained(library, activation, weights, x, y):
    layers = library.layers
    model = library.Sequential(
        [library.Input((6,)), layers.Dense(20, activation=activation(library.ops)), layers.Dense(2)]
    )
    model.set_weights(weights)
    model.compile(library.optimizers.SGD(0.05, momentum=0.9), loss="mse")
    model.fit(x, y, batch_size=32, epochs=STEPS * 32 // ROWS, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fifty_steps(keras, name):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, 6)).astype(np.float32)
    y = np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]], axis=1)
    shapes = [(6, 20), (20,), (20, 2), (2,)]
    weights = [rng.normal(scale=0.4, size=shape).astype(np.float32) for shape in shapes]
    ours = trained(densor, ACTIVATIONS[name], weights, x, y)
    for found, expected in zip(ours, trained(keras, ACTIVATIONS[name], weights, x, y), strict=True):
        assert_close(found, expected, "trajectory")
