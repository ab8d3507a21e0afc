"""Code written in densor.ops: what becomes one expression, and its gradients against central differences."""

import numpy as np
import pytest

from densor import ops
from densor.graph import lower_graph
from densor.graph.program import Feeds
from tests.graph.build import MSE, check_gradients, ops_of, output, traced, variable

RNG = np.random.default_rng(3)
VALUES = RNG.uniform(0, 1, (4, 3))

# Functions of z (rows, 3) with values of both signs, smooth near the values drawn.
FUNCTIONS = {
    "swish": lambda z: z * ops.sigmoid(1.5 * z),
    "softplus of two sides": lambda z: ops.log1p(ops.exp(-abs(z))) + ops.maximum(z, 0.0),
    "quotients": lambda z: (1.0 - z) / (2.0 + z * z) - z / 3.0,
    "powers": lambda z: (
        (2.0 + z) ** 1.7 + (z**2 + 1.0) ** (z / 4.0) + z**3 + (z + 3.0) ** 0.5 + (z + 3.0) ** -1
    ),
    "reflected": lambda z: 2.0**z - 1.0 / (3.0 + z) + (1.0 - z),
    "exponentials": lambda z: ops.expm1(z) + ops.log(2.5 + z) + ops.erf(z) + ops.sqrt(3.0 + z) + ops.tanh(z),
    "choices": lambda z: ops.where(z > 0.1, z * z, ops.minimum(-z, 0.7)) + ops.clip(z, -0.4, 0.6),
    "comparisons": lambda z: (
        (z < 0.2) * z + (z >= 0.3) * 2.0 * z + ops.equal(z, 5.0) + (z <= -0.1) * ops.square(z)
    ),
    "steps": lambda z: ops.floor(z) + ops.round(3.0 * z) * z + ops.sign(z) * z + ops.ceil(z),
    "logic": lambda z: ops.where(ops.logical_and(z > -0.5, ops.logical_not(z > 0.5)), z, 2.0 * z),
    "activations": lambda z: 2.0 * ops.elu(z) + ops.relu(z) * ops.silu(z) + ops.gelu(z) - ops.softplus(z) * z,
    "softmax": lambda z: ops.exp(z - ops.logsumexp(z, axis=-1, keepdims=True)),
    "standardized": lambda z: (z - ops.mean(z, -1, True)) / ops.sqrt(ops.var(z, -1, True) + 0.1),
    "extrema": lambda z: z * ops.max(z, axis=-1, keepdims=True) - ops.min(z, axis=-1, keepdims=True),
    "squeezed": lambda z: z * ops.reshape(ops.sum(z, axis=-1), (-1, 1)),
    "total": lambda z: z * ops.sum(z) + ops.mean(z),
    "reductions of reductions": lambda z: z * ops.sum(z * ops.mean(z, -1, True), -1, True),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name):
    w, v = variable("w", 5, 3), variable("v", 3, 3)
    check_gradients(lambda x: ops.dense(FUNCTIONS[name](ops.dense(x, w)), v), 5, VALUES, MSE)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 3), (2, 1)], ids=str)
def test_variables_as_operands(shape):
    w, a = variable("w", 3, 3), variable("a", *shape)

    def model(x):
        z = ops.dense(x, w)
        return ops.reshape(
            ops.maximum(z, 0.1) + a * ops.exp(ops.minimum(z, 0.1)) / (a * (a * (z * 0.0 + 1.0)) + 1.0),
            (-1, 6),
        )

    check_gradients(model, (2, 3), RNG.uniform(0, 1, (4, 6)), MSE)


def test_tensors_with_one_column():
    w, u = variable("w", 5, 3), variable("u", 5, 1)
    check_gradients(lambda x: ops.dense(x, w) * ops.dense(x, u) - ops.dense(x, u), 5, VALUES, MSE)


def test_a_value_with_several_readers():
    w, v = variable("w", 3, 3), variable("v", 3, 3)

    def model(x):
        z = ops.exp(ops.dense(x, w) / 4.0) - 0.5
        return ops.dense(z * z, v) * z + ops.dense(z, w)

    check_gradients(model, 3, VALUES, MSE)


def lowered(function, features):
    return lower_graph(traced(function, features), 4, feeds=Feeds(), scatter=True)


def test_a_custom_activation_is_one_instruction():
    w = variable("w", 5, 3)
    assert ops_of(lowered(lambda x: FUNCTIONS["swish"](ops.dense(x, w)), 5)) == [
        "gather", "dense_forward", "expression", "scatter",
    ]  # fmt: skip


def test_a_softmax_takes_three_passes():
    listing = ops_of(lowered(FUNCTIONS["softmax"], 5))
    assert listing.count("expression") == 3


def test_operations_with_kernels_keep_them_where_they_stand_alone():
    w = variable("w", 5, 5)

    def residual(x):
        return ops.relu(x + ops.dense(x, w, activation="tanh"))

    assert ops_of(lowered(residual, 5)) == ["gather", "dense_forward", "add", "activation_forward", "scatter"]


def test_rescaling_of_the_input_is_still_done_by_the_gather():
    assert ops_of(lowered(lambda x: ops.exp(x * 0.5), 5)) == ["gather", "expression", "scatter"]
    assert ops_of(lowered(lambda x: ops.dense(x * 0.5, variable("w", 5, 3)), 5)) == [
        "gather", "dense_forward", "scatter",
    ]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_and_tensors_agree(name):
    x = RNG.uniform(-1, 1, (6, 3)).astype(np.float32)
    np.testing.assert_allclose(
        FUNCTIONS[name](x), output(traced(FUNCTIONS[name], 3), x), rtol=3e-6, atol=3e-6
    )
