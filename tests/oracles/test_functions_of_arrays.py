"""Functions of arrays: the values that Keras has, as float32 unless they are places."""

import numpy as np
import pytest

import densor

X = np.random.default_rng(0).uniform(-2.0, 2.0, (3, 4)).astype(np.float32)
CUBE = np.random.default_rng(1).uniform(-2.0, 2.0, (2, 3, 4)).astype(np.float32)
CLASSES = np.array([[0, 2], [1, -1]])
CASES = {
    "transpose": lambda ops: ops.transpose(X),
    "transpose, axes": lambda ops: ops.transpose(CUBE, (2, 0, 1)),
    "transpose, negative axes": lambda ops: ops.transpose(CUBE, (0, -1, 1)),
    "take": lambda ops: ops.take(X, [5, 0]),
    "take one": lambda ops: ops.take(X, 7),
    "take, axis": lambda ops: ops.take(CUBE, [[0, 2], [1, 1]], axis=1),
    "one_hot": lambda ops: ops.one_hot(CLASSES, 3),
    "one_hot, axis": lambda ops: ops.one_hot(CLASSES, num_classes=3, axis=0, dtype="int32"),
    "one_hot, inner axis": lambda ops: ops.one_hot(CLASSES, 3, axis=1),
    "argmin": lambda ops: ops.argmin(CUBE, axis=1),
    "size": lambda ops: ops.size(CUBE),
    "ndim": lambda ops: ops.ndim(CUBE),
    "convert_to_numpy": lambda ops: ops.convert_to_numpy(ops.exp(X)),
    "arange": lambda ops: ops.arange(1, 10, 3),
    "arange of floats": lambda ops: ops.arange(0.0, 1.0, 0.25),
    "zeros": lambda ops: ops.zeros((2, 3)),
    "ones": lambda ops: ops.ones((2,), dtype="int32"),
    "full": lambda ops: ops.full((2, 2), 0.5),
    "eye": lambda ops: ops.eye(3, 4, k=1),
    "linspace": lambda ops: ops.linspace(0.0, 1.0, num=5),
    "any": lambda ops: ops.any(X > 1.5),
    "all": lambda ops: ops.all(X > -1.5, axis=0),
    "norm": lambda ops: ops.norm(CUBE),
    "norm, 1": lambda ops: ops.norm(X, ord=1, axis=1),
    "norm, largest": lambda ops: ops.norm(X, ord=float("inf"), axis=1, keepdims=True),
    "dot": lambda ops: ops.dot(X, X[0]),
    "flip": lambda ops: ops.flip(CUBE),
    "repeat": lambda ops: ops.repeat(X, 2),
    "tile": lambda ops: ops.tile(X, (2, 1)),
    "vstack": lambda ops: ops.vstack([X, X]),
    "ravel": lambda ops: ops.ravel(CUBE),
    "argmax": lambda ops: ops.argmax(CUBE),
    "argmax, axis": lambda ops: ops.argmax(CUBE, axis=1),
    "argmax, keepdims": lambda ops: ops.argmax(CUBE, axis=-1, keepdims=True),
}


@pytest.mark.parametrize("case", CASES)
def test_values(keras, case):
    expected, got = np.asarray(CASES[case](keras.ops)), CASES[case](densor.ops)
    assert np.shape(got) == expected.shape
    assert np.issubdtype(np.asarray(got).dtype, np.integer) <= np.issubdtype(expected.dtype, np.integer)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6, atol=1e-6)
