"""image_warp: every kind and fill mode, sizes from one pixel on."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import _core, check, normal
from tests.reference import image_warp as reference

SIZES = [(1, 1, 1), (1, 7, 2), (6, 1, 1), (5, 4, 3), (9, 12, 1)]
FILLS = ["constant", "nearest", "reflect", "wrap", "mirror"]
ROWS = 5


def drawn(kind, rng):
    """Parameters of ROWS images."""
    coins = rng.random((ROWS, 2))
    return {
        "projection": lambda: [1, 0.1, -2, 0.2, 0.9, 1, 0.01, 0.02] + 0.02 * rng.normal(size=(ROWS, 8)),
        "flip": lambda: np.stack([coins[:, 0], *rng.integers(0, 2, (2, ROWS))], 1),
        "rotation": lambda: rng.uniform(-1, 1, (ROWS, 1)),
        "translation": lambda: rng.uniform(-1, 1, (ROWS, 2)),
        "shear": lambda: np.concatenate([coins[:, :1], rng.uniform(-1, 1, (ROWS, 2))], 1),
        "zoom": lambda: rng.uniform(-0.9, 1, (ROWS, 2)),
        "perspective": lambda: np.concatenate([coins, rng.uniform(-0.2, 0.2, (ROWS, 8))], 1),
        "elastic": lambda: np.concatenate([coins, rng.uniform(0, 0.6, (ROWS, 1))], 1),
        "crop": lambda: coins,
        "fit": lambda: None,
    }[kind]()


def warp(kind, size, fill_mode="reflect", nearest=False, target=None, fill_value=0.75):
    rng = np.random.default_rng([*size, len(kind), len(fill_mode)])
    height, width, channels = size
    target = target or (height, width)
    x, parameters = normal(rng, ROWS, *size), drawn(kind, rng)
    parameters = None if parameters is None else parameters.astype(np.float32)
    field = normal(rng, ROWS, *target, 2) if kind == "elastic" else None
    expected = reference.forward(x, kind, parameters, target, field, fill_mode, fill_value, nearest)
    flat = {
        "x": x.reshape(ROWS, -1),
        "parameters": parameters,
        "field": None if field is None else field.reshape(ROWS, -1),
    }
    check(
        "image_warp",
        lambda o, i: _core.image_warp(
            o.y, i.x, i.parameters, i.field, kind, list(size), list(target), fill_mode, fill_value, nearest
        ),
        flat,
        {"y": (ROWS, target[0] * target[1] * channels)},
        {"y": expected.reshape(ROWS, -1)},
        {"y": 4.0},
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "kind", ["projection", "rotation", "translation", "shear", "zoom", "elastic", "flip"]
)
def test_kinds(kind, size):
    warp(kind, size)


@pytest.mark.parametrize("size", [size for size in SIZES if min(size[:2]) > 1], ids=str)
def test_perspectives(size):
    warp("perspective", size)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("kind", ["translation", "zoom", "elastic"])
def test_fill_modes(fill_mode, kind):
    for size in SIZES:
        warp(kind, size, fill_mode)


@pytest.mark.parametrize("fill_mode", FILLS)
def test_the_nearest_pixel(fill_mode):
    for size in SIZES:
        warp("rotation", size, fill_mode, nearest=True)


@pytest.mark.parametrize("target", [(1, 1), (3, 2), (5, 4), (2, 4)])
@pytest.mark.parametrize("kind", ["crop", "fit"])
def test_crops(kind, target):
    warp(kind, (5, 4, 3), "nearest", target=target)


def test_a_window_larger_than_the_image_is_resized():
    warp("fit", (5, 4, 3), "nearest", target=(11, 7))


def test_a_flip_moves_pixels_only():
    x = normal(np.random.default_rng(0), 3, 6, 5, 2)
    across, down, both = (
        ops.image_warp(x, "flip", [[0.3, *flags]] * 3) for flags in ((1, 0), (0, 1), (1, 1))
    )
    np.testing.assert_array_equal(across, x[:, :, ::-1])
    np.testing.assert_array_equal(down, x[:, ::-1])
    np.testing.assert_array_equal(both, x[:, ::-1, ::-1])
    np.testing.assert_array_equal(ops.image_warp(x, "flip", [[0.7, 1, 1]] * 3), x)


def test_points_behind_the_horizon_are_filled():
    """A projection whose denominator passes 0, and parameters that are no numbers."""
    x = np.ones((3, 4, 6), np.float32)
    maps = np.array(
        [[1, 0, 0, 0, 1, 0, -0.25, 0], [np.nan] * 8, [1e30, 0, 0, 0, 1e30, 1e30, 0, 0]], np.float32
    )
    y = ops.image_warp(x, "projection", maps, fill_mode="constant", fill_value=-3.0)
    assert np.isfinite(y).all()
    assert (y[1] == -3.0).all()


def test_corners_on_a_line_leave_the_image():
    x = normal(np.random.default_rng(0), 2, 1, 6)
    np.testing.assert_array_equal(ops.image_warp(x, "perspective", [[1, 0, *[0.1] * 8]] * 2), x)
