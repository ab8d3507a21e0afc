"""transpose: every order of the axes, exactly."""

import itertools

import numpy as np
import pytest

from tests.ops.harness import _core, check, normal
from tests.reference import transpose as reference

SHAPES = [
    (7,),
    (3, 5),
    (17, 40),
    (2, 3, 5),
    (1, 4, 1),
    (4, 18, 3),
    (2, 3, 4, 5),
    (2, 1, 2, 3, 2),
    (2, 2, 1, 2, 3, 2),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orders(shape):
    orders = list(itertools.permutations(range(len(shape))))
    for number, axes in enumerate(orders[:: max(1, len(orders) // 24)]):
        x = normal(np.random.default_rng(number), 1 + number % 5, int(np.prod(shape)))
        check(
            "transpose",
            lambda o, i, axes=axes: _core.transpose(o.y, i.x, list(shape), list(axes)),
            {"x": x},
            {"y": x.shape},
            {"y": reference.forward(x, shape, axes)},
        )


WRONG = [
    ([3, 4], [0, 0], "axes"),
    ([3, 4], [0], "axes"),
    ([3, 4], [0, 2], "axes"),
    ([3, 5], [1, 0], "shape"),
    ([1, 1, 1, 1, 1, 1, 12], [0, 1, 2, 3, 4, 5, 6], "shape"),
    ([2**62, 2**62], [1, 0], None),
]


@pytest.mark.parametrize(("shape", "axes", "argument"), WRONG, ids=str)
def test_wrong_axes(shape, axes, argument):
    x, y = np.zeros((2, 12), np.float32), np.full((2, 12), 3.0, np.float32)
    with pytest.raises(
        (ValueError, MemoryError), match=r"^transpose\(\): " if argument is None else argument
    ):
        _core.transpose(y, x, shape, axes).run()
    np.testing.assert_array_equal(y, 3.0)
