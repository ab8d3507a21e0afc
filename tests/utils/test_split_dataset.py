"""Two parts of arrays, as in Keras' utils."""

import numpy as np
import pytest

from densor.utils import split_dataset

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 0.7}, 7, 3),
        ({"left_size": 4}, 4, 6),
        ({"right_size": 0.25}, 8, 2),
        ({"left_size": 0.5, "right_size": 2}, 5, 2),
        ({"left_size": 1.0}, 10, 0),
    ],
)
def test_sizes(sizes, left, right):
    (x, y), (z, w) = split_dataset((X, Y), **sizes)
    assert (len(x), len(z)) == (left, right)
    np.testing.assert_array_equal(np.concatenate([y, w]), Y[: left + right])
    assert np.shares_memory(x, X)


def test_forms():
    left, right = split_dataset(X, left_size=3)
    assert left.shape == (3, 2)
    assert right.shape == (7, 2)
    left, right = split_dataset({"x": X, "y": Y}, left_size=3)
    assert right["y"].tolist() == list(range(3, 10))
    assert isinstance(split_dataset([X, Y], left_size=3)[0], list)


def test_shuffle():
    (x, y), (z, w) = split_dataset((X, Y), left_size=6, shuffle=True, seed=1)
    assert sorted([*y, *w]) == list(range(10))
    assert y.tolist() != list(range(6))
    np.testing.assert_array_equal(x[:, 0], 2 * y)
    np.testing.assert_array_equal(z[:, 0], 2 * w)
    assert split_dataset(Y, left_size=6, shuffle=True, seed=1)[0].tolist() == y.tolist()


@pytest.mark.parametrize(
    ("arguments", "options", "pattern"),
    [
        ((X,), {}, r"argument 'left_size': give left_size or right_size"),
        (((X, Y[:3]),), {"left_size": 2}, r"argument 'dataset': must be arrays with the same rows"),
        ((3,), {"left_size": 2}, r"argument 'dataset'"),
        ((X,), {"left_size": 1.5}, r"argument 'left_size': must be in \[0, 1\], got 1.5"),
        ((X,), {"left_size": 11}, r"argument 'left_size': must be in \[0, 10\], got 11"),
        ((X,), {"right_size": "a"}, r"argument 'right_size': must be a share or a number of rows, got 'a'"),
        (
            (X,),
            {"left_size": 6, "right_size": 5},
            r"argument 'right_size': 6 and 5 rows are more than the 10",
        ),
        ((X,), {"left_size": 6, "shuffle": 3}, r"argument 'shuffle'"),
    ],
)
def test_wrong_arguments(arguments, options, pattern):
    with pytest.raises((TypeError, ValueError), match=r"^split_dataset\(\): " + pattern):
        split_dataset(*arguments, **options)
