"""Keras' `utils`: one-hot rows and normalization."""

import numpy as np
import pytest

from densor.utils import normalize, to_categorical


def test_to_categorical():
    rows = to_categorical([0, 2, 1])
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert to_categorical([[1], [0]], num_classes=4).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert to_categorical(np.array([[0, 1], [1, 1]], np.uint8)).shape == (2, 2, 2)
    assert to_categorical(1).tolist() == [0, 1]
    assert to_categorical([2.0]).tolist() == [[0, 0, 1]]
    assert to_categorical([], num_classes=3).shape == (0, 3)


@pytest.mark.parametrize("x", [[3], [-1], [0.5], [float("nan")]])
def test_labels_that_are_no_classes(x):
    with pytest.raises(
        ValueError, match=r"^to_categorical\(\): argument 'x': value .* at \(0,\) is no class"
    ):
        to_categorical(x, num_classes=3)


def test_wrong_arguments_of_to_categorical():
    with pytest.raises(TypeError, match="argument 'x'"):
        to_categorical(["a"])
    with pytest.raises(ValueError, match="argument 'num_classes'"):
        to_categorical([0], num_classes=0)
    with pytest.raises(ValueError, match="argument 'num_classes': must be given"):
        to_categorical([])
    with pytest.raises(ValueError, match="argument 'x'"):
        to_categorical([0.0, float("nan")])
    with pytest.raises(ValueError, match="argument 'x': value inf"):
        to_categorical([float("inf")])


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-5.0, 12.0]])
    np.testing.assert_allclose(normalize(x), [[0.6, 0.8], [0, 0], [-5 / 13, 12 / 13]], rtol=1e-15)
    np.testing.assert_allclose(normalize(x, order=1)[2], [-5 / 17, 12 / 17], rtol=1e-15)
    np.testing.assert_allclose(normalize(x, axis=0)[:, 0], np.array([3, 0, -5]) / np.sqrt(34), rtol=1e-15)


def test_wrong_arguments_of_normalize():
    for axis in (2, -3):
        with pytest.raises(ValueError, match=r"^normalize\(\): argument 'axis': "):
            normalize(np.ones((2, 2)), axis=axis)
    with pytest.raises(ValueError, match=r"^normalize\(\): argument 'order': "):
        normalize(np.ones((2, 2)), order=0)
