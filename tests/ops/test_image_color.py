"""image_color: every kind, with the bounds of the values."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import _core, check, on_every_target
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


def tones(kind, rng):
    return {
        "hue": lambda: rng.uniform(-0.5, 0.5, (ROWS, 1)),
        "saturation": lambda: rng.uniform(-0.2, 2, (ROWS, 1)),
        "gray": lambda: rng.uniform(-1, 1, (ROWS, 1)),
        "solarize": lambda: rng.uniform(0, 0.6, (ROWS, 2)),
        "posterize": lambda: rng.uniform(1, 8, (ROWS, 1)),
        "stretch": lambda: rng.integers(0, 3, (ROWS, 1)) / 2,
        "equalize": lambda: rng.integers(2, 300, (ROWS, 1)),
    }[kind]().astype(np.float32)


TONES = ["hue", "saturation", "gray", "solarize", "posterize", "stretch", "equalize"]


@pytest.mark.parametrize("size", [(1, 1, 3), (5, 4, 3), (9, 12, 3), (1, 17, 1), (16, 16, 2)], ids=str)
@pytest.mark.parametrize("bounds", [(0.0, 255.0), (-1.0, 1.0)])
@pytest.mark.parametrize("kind", TONES)
def test_tones(kind, bounds, size):
    if kind in TONES[:3] and size[-1] != 3:
        with pytest.raises(ValueError, match="needs three channels, got"):
            ops.image_color(np.zeros((1, *size)), kind, [[0.5]], value_range=bounds)
        return
    rng = np.random.default_rng([*size, len(kind)])
    low, high = bounds
    # Halves of whole bytes: what is cut off below must not depend on a rounding.
    x = ((rng.integers(0, 255, (ROWS, *size)) + 0.5) / 255 * (high - low) + low).astype(np.float32)
    x[1] = x[1, 0, 0]  # one value in each channel
    parameters = tones(kind, rng)
    expected = reference.forward(x, kind, parameters, None, low, high)
    if kind == "equalize":  # where a bin ends between two roundings, either entry of the table is right
        actual = ops.image_color(x, kind, parameters, value_range=bounds)
        assert (np.abs(actual - expected) < 1e-4 * (high - low)).mean() > 0.97
        assert np.abs(actual - expected).max() <= 0.5 * (high - low)
        return
    check(
        "image_color",
        lambda o, i: _core.image_color(o.y, i.x, None, i.parameters, kind, list(size), low, high),
        {"x": x.reshape(ROWS, -1), "parameters": parameters},
        {"y": (ROWS, x[0].size)},
        {"y": expected.reshape(ROWS, -1)},
        {"y": 2 * (high - low)},
    )


@pytest.mark.parametrize("kind", TONES)
def test_tones_have_the_same_bits_on_every_target_whatever_the_parameters(kind):
    rng = np.random.default_rng(4)
    x = rng.uniform(-50, 300, (4, 7, 5, 3)).astype(np.float32)
    for value in (np.nan, np.inf, -np.inf, -7.0, 1e30):
        columns = 2 if kind == "solarize" else 1
        results = on_every_target(
            lambda o, i: _core.image_color(o.y, i.x, None, i.parameters, kind, [7, 5, 3], 0.0, 255.0),
            {"x": x.reshape(4, -1), "parameters": np.full((4, columns), value, np.float32)},
            {"y": np.zeros((4, 105), np.float32)},
        )
        assert len({result["y"].tobytes() for result in results.values()}) == 1


@pytest.mark.parametrize("kind", ["brightness", "contrast", "gamma", "invert", "salt", "erase"])
def test_parameters_that_are_no_numbers_do_no_harm(kind):
    x = np.full((2, 3, 4), 5.0, np.float32)
    other = {"salt": np.zeros((2, 3, 4)), "erase": x}.get(kind)
    columns = {"invert": 2, "erase": 6}.get(kind, 1)
    for value in (np.nan, np.inf, -np.inf, -7.0):
        parameters = np.full((2, columns), value)
        parameters[:, :2] = [[1.0, 0.0][:columns]] if kind in ("invert", "erase") else parameters[:, :2]
        assert ops.image_color(x, kind, parameters, other=other).shape == x.shape
