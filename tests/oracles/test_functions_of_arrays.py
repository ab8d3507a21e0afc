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
