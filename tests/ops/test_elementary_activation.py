"""Activations that are expressions or run over an axis: values, derivatives, axes, extremes, wrong arguments."""

import numpy as np
import pytest

from densor import Sequential, activations, layers, ops
from densor.graph import Tensor
from densor.optimizers import SGD
from tests.graph.build import MSE, check_gradients, output, traced, variable
from tests.reference import elementary_activation, softmax, sparsemax
from tests.tolerances import assert_close

RNG = np.random.default_rng(8)
TARGETS = RNG.uniform(0, 1, (4, 6))


def name_of(value):
    return value if isinstance(value, str) else "-".join(f"{key}={item}" for key, item in value.items())


@pytest.mark.parametrize(("name", "options"), elementary_activation.CASES, ids=name_of)
class TestDefinitions:
    def test_arrays(self, name, options):
        for shape in [(3, 8), (1, 2), (5, 3, 34)]:
            x = RNG.normal(scale=2, size=shape).astype(np.float32)
            expected = elementary_activation.DEFINITIONS[name](x.astype(np.float64), **options)
            result = getattr(activations, name)(x, **options)
            assert result.dtype == np.float32
            assert_close(result, expected, "expression")
            assert_close(getattr(activations, name)(x.tolist(), **options), expected, "expression")

    def test_symbolic_tensors(self, name, options):
        x = RNG.normal(scale=2, size=(5, 8))
        graph = traced(lambda z: getattr(activations, name)(z, **options), 8)
        expected = elementary_activation.DEFINITIONS[name](x, **options)
        # The constants are float32.
        np.testing.assert_allclose(output(graph, x), expected, rtol=3e-7, atol=3e-7)

    def test_gradients(self, name, options):
        w, columns = variable("w", 5, 12), 6 if name == "glu" else 12
        v = variable("v", columns, 6)
        function = getattr(activations, name)
        check_gradients(lambda x: ops.dense(function(ops.dense(x, w), **options), v), 5, TARGETS, MSE)


def test_the_flat_side_decides_at_a_kink():
    kinks = {
        "relu6": ([0.0, 6.0], [0, 0]),
        "hard_tanh": ([-1.0, 1.0], [0, 0]),
        "hard_sigmoid": ([-3.0, 3.0], [0, 0]),
        "sparse_sigmoid": ([-1.0, 1.0], [0, 0]),
        "hard_shrink": ([-0.5, 0.5], [0, 0]),
        "soft_shrink": ([-0.5, 0.5], [0, 0]),
        "sparse_plus": ([-1.0, 1.0], [0, 1]),
        "celu": ([0.0, 0.0], [1, 1]),
        "softsign": ([0.0, 0.0], [1, 1]),
    }
    for name, (x, expected) in kinks.items():
        assert slopes(getattr(activations, name), x) == expected, name


def slopes(function, x):
    """The derivatives of a function at some places, as training finds them."""
    model = Sequential(
        [layers.Input((len(x),)), layers.Dense(len(x), use_bias=False), layers.Activation(function)]
    )
    model.layers[0].set_weights([np.diag(x)])
    model.compile(SGD(1.0), "mse")
    ones = np.ones((1, len(x)), np.float32)
    y = model.predict(ones, verbose=0)
    model.fit(ones, y - 0.5, verbose=0)  # d mse / dy = 1 / columns
    moved = np.diag(x) - model.layers[0].get_weights()[0]
    return (np.diag(moved) * len(x)).round(5).tolist()


def test_extremes_neither_overflow_nor_vanish():
    x = np.array([[-1e4, -100.0, 0.0, 100.0, 1e4]], np.float32)
    for name in ("celu", "log_sigmoid", "mish", "softsign", "tanh_shrink", "log_softmax", "sparse_plus"):
        assert np.isfinite(getattr(activations, name)(x)).all(), name
    assert activations.log_sigmoid(x)[0].tolist()[:2] == [-1e4, -100.0]


@pytest.mark.parametrize("axis", [1, 2, -1, -2, [1, 2], (2, 1)], ids=str)
def test_softmax_over_any_axis(axis):
    x = RNG.normal(size=(3, 4, 5))
    places = tuple(np.atleast_1d(axis) % 3)
    e = np.exp(x)
    expected = e / e.sum(axis=places, keepdims=True)
    for function, wanted in ((ops.softmax, expected), (ops.log_softmax, np.log(expected))):
        assert_close(function(x, axis), wanted, "expression")
        graph = traced(lambda z, f=function: f(z, axis), (4, 5))
        np.testing.assert_allclose(output(graph, x), wanted, rtol=1e-12)


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("name", ["sparsemax", "glu"])
def test_other_functions_over_any_axis(name, axis):
    x = RNG.normal(size=(3, 4, 6)).astype(np.float32)
    moved = np.moveaxis(x, axis, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    wanted = {"sparsemax": sparsemax.forward, "glu": elementary_activation.glu}[name](rows.astype(np.float64))
    wanted = np.moveaxis(wanted.reshape(*moved.shape[:-1], -1), -1, axis)
    assert_close(getattr(ops, name)(x, axis), wanted, "expression")
    graph = traced(lambda z: getattr(ops, name)(z, axis), (4, 6))
    np.testing.assert_allclose(output(graph, x.astype(np.float64)), wanted, rtol=1e-6)


@pytest.mark.parametrize("function", [ops.sparsemax, ops.softmax, lambda z: ops.softmax(z, axis=1)])
def test_gradients_over_an_axis(function):
    w, v = variable("w", 5, 12), variable("v", 12, 6)

    def model(x):
        z = function(ops.reshape(ops.dense(x, w), (-1, 3, 4)))
        return ops.dense(ops.flatten(z), v)

    check_gradients(model, 5, TARGETS, MSE)


def test_masked_softmax():
    x = RNG.normal(size=(4, 5))
    mask = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 0, 0]])
    e = np.exp(x) * mask
    expected = e / np.maximum(e.sum(axis=1, keepdims=True), 1e-300)
    assert_close(ops.masked_softmax(x, mask), expected, "softmax")
    kept = np.array([[1.0], [0.0], [1.0], [1.0]])
    assert_close(ops.masked_softmax(x, kept), softmax.forward(x) * kept, "softmax")


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 3), (2, 1), (1, 1)], ids=str)
def test_prelu(shape):
    x = RNG.normal(size=(4, 2, 3)).astype(np.float32)
    alpha = RNG.uniform(0, 1, shape)
    assert_close(ops.prelu(x, alpha), np.where(x > 0, x, alpha * x), "expression")
    w, a = variable("w", 3, 3), variable("a", *shape)
    check_gradients(
        lambda z: ops.reshape(ops.prelu(ops.dense(z, w), a), (-1, 6)), (2, 3), RNG.uniform(0, 1, (4, 6)), MSE
    )


def test_silu_with_a_variable_for_beta():
    w, beta = variable("w", 5, 6), variable("beta")
    graph = check_gradients(lambda x: ops.silu(ops.dense(x, w), beta), 5, TARGETS, MSE)
    assert beta in graph.variables


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda x: activations.relu(x, max_value=-1.0), "max_value"),
        (lambda x: activations.relu(x, threshold=-1.0), "threshold"),
        (lambda x: activations.relu(x, negative_slope=float("nan")), "negative_slope"),
        (lambda x: ops.celu(x, alpha=0.0), "alpha"),
        (lambda x: ops.squareplus(x, b=-1.0), "b"),
        (lambda x: ops.hard_shrink(x, -0.5), "threshold"),
        (lambda x: ops.soft_shrink(x, "a"), "threshold"),
        (lambda x: ops.threshold(x, 0.0, np.inf), "default_value"),
        (lambda x: ops.gelu(x, approximate=1), "approximate"),
        (lambda x: ops.glu(ops.reshape(x, (-1, 3, 2)), axis=1), "x"),
        (lambda x: ops.glu(x, axis=0), "axis"),
        (lambda x: ops.softmax(x, axis=2), "axis"),
        (lambda x: ops.softmax(x, axis="1"), "axis"),
        (lambda x: ops.log_softmax(x, axis=[1, 1]), "axis"),
        (lambda x: ops.sparsemax(x, axis=0), "axis"),
        (lambda x: ops.prelu(x, np.zeros(4)), r"\w+"),
    ],
)
@pytest.mark.parametrize("x", [np.zeros((2, 6), np.float32), Tensor((None, 6))], ids=["array", "symbolic"])
def test_wrong_arguments(call, argument, x):
    with pytest.raises((TypeError, ValueError), match=rf"^\w+\(\): argument '{argument}'"):
        call(x)
