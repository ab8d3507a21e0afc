"""image_color: every kind, with the bounds of the values."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import _core, check
from tests.reference import image_color as reference

SIZES = [(1, 1, 1), (1, 17, 1), (5, 4, 3), (9, 12, 1), (16, 16, 2)]
ROWS = 6


def drawn(kind, rng):
    coins = rng.random((ROWS, 2))
    return {
        "brightness": lambda: rng.uniform(-1, 1, (ROWS, 1)),
        "contrast": lambda: rng.uniform(0, 2, (ROWS, 1)),
        "gamma": lambda: rng.uniform(0.2, 3, (ROWS, 1)),
        "invert": lambda: coins,
        "blend": lambda: rng.uniform(-1, 1, (ROWS, 1)),
        "salt": lambda: rng.random((ROWS, 1)),
        "erase": lambda: np.concatenate([coins, rng.random((ROWS, 4))], 1),
    }[kind]()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("bounds", [(0.0, 255.0), (-1.0, 1.0)])
@pytest.mark.parametrize("kind", ["brightness", "contrast", "gamma", "invert", "blend", "salt", "erase"])
def test_values(kind, bounds, size):
    rng = np.random.default_rng([*size, len(kind)])
    low, high = bounds
    x = rng.uniform(low, high, (ROWS, *size)).astype(np.float32)
    x[0, 0, 0, 0], x[-1, -1, -1, -1] = low, high + 0.25 * (high - low)
    parameters, other = drawn(kind, rng).astype(np.float32), None
    if kind in ("blend", "erase"):
        other = rng.uniform(1.5 * low - 1, 1.5 * high, (ROWS, x[0].size)).astype(np.float32)
    elif kind == "salt":
        other = rng.random((ROWS, size[0] * size[1])).astype(np.float32)
    expected = reference.forward(x, kind, parameters, other, low, high)
    check(
        "image_color",
        lambda o, i: _core.image_color(o.y, i.x, i.other, i.parameters, kind, list(size), low, high),
        {"x": x.reshape(ROWS, -1), "other": other, "parameters": parameters},
        {"y": (ROWS, x[0].size)},
        {"y": expected.reshape(ROWS, -1)},
        {"y": high - low},
    )


@pytest.mark.parametrize("kind", ["brightness", "contrast", "gamma", "invert", "salt", "erase"])
def test_parameters_that_are_no_numbers_do_no_harm(kind):
    x = np.full((2, 3, 4), 5.0, np.float32)
    other = {"salt": np.zeros((2, 3, 4)), "erase": x}.get(kind)
    columns = {"invert": 2, "erase": 6}.get(kind, 1)
    for value in (np.nan, np.inf, -np.inf, -7.0):
        parameters = np.full((2, columns), value)
        parameters[:, :2] = [[1.0, 0.0][:columns]] if kind in ("invert", "erase") else parameters[:, :2]
        assert ops.image_color(x, kind, parameters, other=other).shape == x.shape
