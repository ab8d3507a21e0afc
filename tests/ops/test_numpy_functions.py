"""Functions that NumPy has too, on arrays and traced; constants; where gradients stop."""

import math

import numpy as np
import pytest

import densor
from densor import ops
from densor.graph import Tensor, run_eagerly
from tests.graph.build import MSE, check_gradients, variable

RNG = np.random.default_rng(3)
FLAT = RNG.integers(-2, 3, (4, 6)).astype(np.float32)
CUBE = RNG.standard_normal((3, 4, 5)).astype(np.float32)
WILD = np.array([[1.0, np.nan, -np.inf], [0.0, np.inf, 3.0e38]], np.float32)

BOTH = {
    "isnan": (WILD, ops.isnan, np.isnan),
    "isinf": (WILD, ops.isinf, np.isinf),
    "isfinite": (WILD, ops.isfinite, np.isfinite),
    "logical_xor": (FLAT, lambda x: ops.logical_xor(x, x - 1.0), lambda x: np.logical_xor(x, x - 1)),
    "any": (FLAT, lambda x: ops.any(x > 1.0, axis=-1), lambda x: (x > 1).any(axis=-1)),
    "all, keepdims": (
        FLAT,
        lambda x: ops.all(x, axis=1, keepdims=True),
        lambda x: x.all(axis=1, keepdims=True),
    ),
    "count_nonzero": (FLAT, lambda x: ops.count_nonzero(x, axis=1), lambda x: np.count_nonzero(x, axis=1)),
    "norm": (CUBE, lambda x: ops.norm(x, axis=-1), lambda x: np.linalg.norm(x, axis=-1)),
    "norm, 1": (FLAT, lambda x: ops.norm(x, 1, axis=1), lambda x: np.abs(x).sum(1)),
    "norm, largest": (
        FLAT,
        lambda x: ops.norm(x, math.inf, axis=1, keepdims=True),
        lambda x: np.abs(x).max(1)[:, None],
    ),
    "norm of rows": (CUBE, lambda x: ops.norm(x, axis=(1, 2)), lambda x: np.sqrt((x**2).sum((1, 2)))),
    "dot": (FLAT, lambda x: ops.dot(x, FLAT.T), lambda x: x @ FLAT.T),
    "dot of a vector": (FLAT, lambda x: ops.dot(x, FLAT[0]), lambda x: x @ FLAT[0]),
    "dot of a number": (FLAT, lambda x: ops.dot(x, 2.0), lambda x: x * 2),
    "stop_gradient": (FLAT, ops.stop_gradient, lambda x: x),
    "swapaxes": (CUBE, lambda x: ops.swapaxes(x, 1, -1), lambda x: x.swapaxes(1, 2)),
    "moveaxis": (CUBE, lambda x: ops.moveaxis(x, -1, 1), lambda x: np.moveaxis(x, -1, 1)),
    "flip": (CUBE, lambda x: ops.flip(x, axis=1), lambda x: np.flip(x, 1)),
    "flip, two axes": (CUBE, lambda x: ops.flip(x, (1, 2)), lambda x: np.flip(x, (1, 2))),
    "repeat": (FLAT, lambda x: ops.repeat(x, 2, axis=1), lambda x: np.repeat(x, 2, axis=1)),
    "repeat, each": (
        FLAT,
        lambda x: ops.repeat(x, [0, 1, 2, 0, 3, 1], axis=-1),
        lambda x: np.repeat(x, [0, 1, 2, 0, 3, 1], axis=-1),
    ),
    "tile": (CUBE, lambda x: ops.tile(x, (1, 2, 3)), lambda x: np.tile(x, (1, 2, 3))),
    "tile, last": (FLAT, lambda x: ops.tile(x, 2), lambda x: np.tile(x, 2)),
    "hstack": (CUBE, lambda x: ops.hstack([x, x * 2.0]), lambda x: np.hstack([x, x * 2])),
    "unstack": (
        CUBE,
        lambda x: ops.add(*ops.unstack(x, 4, axis=1)[1:3]),
        lambda x: x[:, 1] + x[:, 2],
    ),
}
OF_ARRAYS = {
    "any": (FLAT, ops.any, np.any),
    "all over the batch": (FLAT, lambda x: ops.all(x, axis=0), lambda x: np.all(x, axis=0)),
    "norm": (CUBE, ops.norm, lambda x: np.sqrt((x**2).sum())),
    "argmin": (CUBE, ops.argmin, np.argmin),
    "argmin, axis": (CUBE, lambda x: ops.argmin(x, axis=1), lambda x: np.argmin(x, axis=1)),
    "size": (CUBE, ops.size, np.size),
    "ndim": (CUBE, ops.ndim, np.ndim),
    "convert_to_numpy": (CUBE, ops.convert_to_numpy, np.asarray),
    "dot of vectors": (FLAT[0], lambda x: ops.dot(x, x), lambda x: x @ x),
    "flip": (CUBE, ops.flip, np.flip),
    "repeat": (FLAT, lambda x: ops.repeat(x, 3), lambda x: np.repeat(x, 3)),
    "swapaxes": (CUBE, lambda x: ops.swapaxes(x, 0, 2), lambda x: x.swapaxes(0, 2)),
    "moveaxis": (CUBE, lambda x: ops.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1)),
    "tile": (FLAT, lambda x: ops.tile(x, (3, 2)), lambda x: np.tile(x, (3, 2))),
    "hstack of vectors": (FLAT[0], lambda x: ops.hstack([x, x]), lambda x: np.hstack([x, x])),
    "vstack": (FLAT, lambda x: ops.vstack([x, x[0]]), lambda x: np.vstack([x, x[0]])),
    "unstack": (CUBE, lambda x: ops.unstack(x)[2], lambda x: x[2]),
    "ravel": (CUBE, ops.ravel, np.ravel),
}


@pytest.mark.parametrize("name", BOTH)
def test_traced(name):
    x, ours, theirs = BOTH[name]
    np.testing.assert_allclose(run_eagerly(ours, [x], False), theirs(x), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [*BOTH, *OF_ARRAYS])
def test_arrays(name):
    x, ours, theirs = BOTH.get(name) or OF_ARRAYS[name]
    got, expected = ours(x), np.asarray(theirs(x))
    assert np.shape(got) == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


def test_the_size_of_a_batch_is_counted_when_it_comes():
    def own(y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred)) / ops.size(y_pred)

    x, y = RNG.uniform(size=(7, 3)), RNG.uniform(size=(7, 2))
    model = densor.Sequential([densor.Input((3,)), densor.layers.Dense(2)])
    model.compile("sgd", own, metrics=["mse"])
    for rows in (7, 4):
        loss, mse = model.evaluate(x[:rows], y[:rows], verbose=0)
        assert loss == pytest.approx(mse, rel=1e-6)


def test_constants():
    assert ops.zeros((2, 3)).shape == (2, 3)
    assert ops.zeros(3).dtype == ops.full((2,), 1).dtype == ops.arange(2.5).dtype == np.float32
    assert ops.ones((2,), dtype="int32").tolist() == [1, 1]
    assert ops.arange(1, 7, 2).tolist() == [1, 3, 5]
    assert ops.arange(3).dtype == np.int32
    np.testing.assert_array_equal(ops.eye(3, 4, k=1), np.eye(3, 4, 1))
    np.testing.assert_allclose(ops.linspace(0, 1, 5, endpoint=False), np.linspace(0, 1, 5, endpoint=False))


def test_values_of_variables_and_settings():
    weight = densor.Variable([1.0, 2.0])
    assert ops.convert_to_numpy(weight).tolist() == [1.0, 2.0]
    assert ops.convert_to_numpy(weight) is not weight.home
    assert ops.convert_to_numpy(densor.optimizers.SGD(0.5).learning_rate) == 0.5


def test_nothing_learns_through_stop_gradient():
    w, v = variable("w", 3, 4), variable("v", 4, 2)

    def function(x):
        hidden = ops.dense(x, w)
        return ops.dense(hidden * ops.stop_gradient(hidden), v)

    with pytest.raises(AssertionError):  # the numbers change by what does not count as a gradient
        check_gradients(function, 3, RNG.uniform(-1, 1, (4, 2)), MSE)

    x = densor.Input((3,))
    first, last = densor.layers.Dense(4), densor.layers.Dense(1)
    model = densor.Model(x, last(ops.stop_gradient(first(x))))
    model.compile("sgd", "mse")
    before = [layer.get_weights()[0] for layer in (first, last)]
    model.fit(RNG.uniform(size=(8, 3)), np.ones(8), verbose=0)
    same = [np.array_equal(layer.get_weights()[0], w) for layer, w in zip((first, last), before, strict=True)]
    assert same == [True, False]


def test_half_of_a_square_is_its_gradient_where_one_factor_stands_still():
    """d(w sg(w)) = sg(w): half the step that w * w takes."""
    steps = []
    for still in (ops.stop_gradient, lambda x: x):
        x = densor.Input((1,))
        hidden = densor.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="hidden")(x)
        model = densor.Model(x, hidden * still(hidden))
        model.compile(densor.optimizers.SGD(0.125), "mae")
        model.fit(np.ones((4, 1)), np.full((4, 1), 9.0), verbose=0)
        steps.append(float(model.get_layer("hidden").kernel.numpy()[0, 0]) - 1.0)
    assert steps == [0.125, 0.25]


SYMBOL = Tensor((None, 4))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ops.convert_to_numpy(SYMBOL),
            TypeError,
            r"convert_to_numpy\(\): argument 'x': .*is symbolic",
        ),
        (lambda: ops.argmin(SYMBOL), TypeError, "is symbolic"),
        (lambda: ops.ravel(SYMBOL), TypeError, r"flatten\(\)"),
        (lambda: ops.dot(FLAT, SYMBOL), TypeError, r"dot\(\): argument 'x2'.*layers.Dot"),
        (lambda: ops.swapaxes(SYMBOL, 0, 1), ValueError, "the batch"),
        (lambda: ops.swapaxes(FLAT, 0, 2), ValueError, r"swapaxes\(\): argument 'axis2': 2 is outside"),
        (lambda: ops.moveaxis(FLAT, -3, 0), ValueError, "'source'"),
        (lambda: ops.flip(SYMBOL), ValueError, r"flip\(\): argument 'axis': .*the batch"),
        (lambda: ops.repeat(SYMBOL, 2), ValueError, r"repeat\(\): argument 'axis': is needed"),
        (lambda: ops.repeat(SYMBOL, 2, axis=0), ValueError, "the batch"),
        (
            lambda: ops.repeat(FLAT, [1, 2], axis=1),
            ValueError,
            "expected 6 numbers, one for each place, got 2",
        ),
        (lambda: ops.repeat(FLAT, -1, axis=1), ValueError, "'repeats'"),
        (lambda: ops.tile(SYMBOL, (2, 1)), ValueError, "the batch"),
        (lambda: ops.tile(FLAT, (1, 1, 1)), ValueError, "at most 2 numbers"),
        (lambda: ops.hstack(FLAT), TypeError, "must be a list"),
        (lambda: ops.hstack([]), ValueError, "at least one"),
        (lambda: ops.vstack([1.0]), ValueError, "got a number"),
        (lambda: ops.unstack(SYMBOL), ValueError, "the batch"),
        (lambda: ops.unstack(FLAT, 3), ValueError, r"there are 4 along axis 0 of shape \(4, 6\), got 3"),
        (lambda: ops.norm(FLAT, "nuc"), ValueError, "'ord'"),
        (lambda: ops.norm(FLAT, 2), ValueError, r"2 is for vectors: name one axis of shape \(4, 6\)"),
        (lambda: ops.zeros((2, -1)), ValueError, r"zeros\(\): argument 'shape'"),
        (lambda: ops.full(2, "a"), TypeError, "'fill_value'"),
        (lambda: ops.arange(0, 3, 0), ValueError, "'step'"),
        (lambda: ops.arange("a"), TypeError, "'start'"),
        (lambda: ops.eye(2.5), TypeError, "'N'"),
        (lambda: ops.linspace(0, 1, -1), ValueError, "'num'"),
        (lambda: ops.ones(2, "float31"), ValueError, "'dtype'"),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
