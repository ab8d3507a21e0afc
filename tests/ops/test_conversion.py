"""Conversions on arrays and on symbolic tensors, and Keras-style code that uses them."""

import numpy as np
import pytest

from densor import ops
from densor.graph import Tensor
from tests.graph.build import output, traced

X = np.array([[0.0, 1.5], [-2.0, 0.0]])


def test_arrays():
    assert ops.cast(X, "bool").tolist() == [[False, True], [True, False]]
    assert ops.cast(X, np.int32).dtype == np.int32
    assert ops.convert_to_tensor(X).dtype == np.float32
    assert ops.convert_to_tensor(X, "float64").dtype == np.float64
    assert ops.shape(X) == (2, 2)
    assert ops.zeros_like(X).sum() == 0
    assert ops.ones_like(X).sum() == 4
    assert ops.one_hot([[2], [0]], 3).tolist() == [[[0, 0, 1]], [[1, 0, 0]]]
    assert ops.one_hot([-1, 3], 3).sum() == 0
    assert ops.one_hot([0, 2], 3, axis=0).tolist() == [[1, 0], [0, 0], [0, 1]]
    assert ops.one_hot([[0, 2]], 3, axis=1).tolist() == [[[1, 0], [0, 0], [0, 1]]]
    assert ops.one_hot([0, 2], 3, dtype="int64").dtype == np.int64
    assert ops.argmax(X) == 1
    assert ops.argmax(X, keepdims=True).tolist() == [[1]]
    assert ops.argmax(X, axis=-1).tolist() == [1, 1]
    assert ops.argmax(X, axis=0).tolist() == [0, 0]
    assert ops.argmax(X, axis=0, keepdims=True).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: ops.cast(x, "bool"), X != 0),
        (lambda x: ops.cast(x > 0.5, "float32"), X > 0.5),
        (lambda x: ops.convert_to_tensor(x) + ops.ones_like(x), X + 1),
        (lambda x: ops.zeros_like(x) + ops.shape(x)[1], np.full((2, 2), 2.0)),
        (lambda x: ops.one_hot(ops.sum(ops.abs(x), axis=-1), 3), [[0, 0, 0], [0, 0, 1]]),
        (lambda x: ops.one_hot(ops.sum(ops.abs(x), axis=-1, keepdims=True), 3), [[0, 0, 0], [0, 0, 1]]),
        (
            lambda x: ops.one_hot(ops.abs(x), 3, axis=1, dtype="float32"),
            [[[1, 0], [0, 0], [0, 0]], [[0, 1], [0, 0], [1, 0]]],
        ),
    ],
)
def test_symbolic_tensors(function, expected):
    np.testing.assert_allclose(output(traced(function, 2), X), expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.cast(X, "float31"),
        lambda: ops.cast("a", "float32"),
        lambda: ops.one_hot([0], 0),
        lambda: ops.one_hot([0], 2, axis=2),
        lambda: ops.one_hot([0], 2, sparse=True),
        lambda: ops.one_hot([0], 2, dtype="float31"),
        lambda: ops.one_hot(Tensor((None, 1)), 2, axis=0),
        lambda: ops.argmax(X, axis=2),
        lambda: ops.argmax(X, keepdims="yes"),
        lambda: ops.argmax(np.zeros((0, 3))),
        lambda: ops.argmax(Tensor((None, 3))),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises((TypeError, ValueError), match=r"^\w+\(\): argument '\w+'"):
        call()
