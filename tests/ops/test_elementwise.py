"""add, rescale, concatenate, columns: exact or one rounding away."""

import numpy as np
import pytest

from tests.ops.harness import ROWS, SIZES, _core, check, normal
from tests.reference import add, concatenate, rescale


@pytest.mark.parametrize("cols", SIZES)
def test_add(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        a, b = normal(rng, rows, cols), normal(rng, rows, cols, scale=1e3)
        expected = add.forward(a, b)
        check("add", lambda o, i: _core.add(o.y, i.a, i.b), {"a": a, "b": b}, {"y": a.shape}, {"y": expected})
        check("add", lambda o, i: _core.add(o.y, o.y, i.b), {"b": b}, {"y": a}, {"y": expected})
        check("add", lambda o, i: _core.add(o.y, i.a, o.y), {"a": a}, {"y": b}, {"y": expected})


@pytest.mark.parametrize("cols", SIZES)
def test_rescale(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols, scale=100.0)
        check(
            "rescale",
            lambda o, i: _core.rescale(o.y, i.x, 1 / 255, -0.5),
            {"x": x},
            {"y": x.shape},
            {"y": rescale.forward(x, 1 / 255, -0.5)},
        )


@pytest.mark.parametrize("widths", [(1,), (1, 1), (31, 1, 33), (7, 127), (16, 16, 16, 2)], ids=str)
def test_concatenate_and_back(widths):
    rng = np.random.default_rng(sum(widths))
    for rows in ROWS:
        xs = [normal(rng, rows, width) for width in widths]
        y = concatenate.forward(xs)
        check("concatenate", lambda o, i: _core.concatenate(o.y, i.xs), {"xs": xs}, {"y": y.shape}, {"y": y})
        parts = {f"dx{k}": (rows, width) for k, width in enumerate(widths)}
        check(
            "concatenate",
            lambda o, i, parts=parts: _core.concatenate_backward([getattr(o, name) for name in parts], i.dy),
            {"dy": y},
            parts,
            dict(zip(parts, concatenate.backward(y, widths), strict=True)),
        )


@pytest.mark.parametrize(
    ("width", "first", "count"), [(1, 0, 1), (33, 0, 32), (33, 1, 32), (40, 7, 3), (160, 100, 1)]
)
def test_columns_and_back(width, first, count):
    rng = np.random.default_rng(width + first)
    for rows in ROWS:
        x, dy = normal(rng, rows, width), normal(rng, rows, count)
        check(
            "concatenate",
            lambda o, i: _core.slice_columns(o.y, i.x, first),
            {"x": x},
            {"y": dy.shape},
            {"y": concatenate.columns(x, first, count)},
        )
        check(
            "concatenate",
            lambda o, i: _core.slice_columns_backward(o.dx, i.dy, first),
            {"dy": dy},
            {"dx": x.shape},
            {"dx": concatenate.columns_backward(dy, first, width)},
        )


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (4, 2), (0, 6)])
def test_columns_that_are_not_there(first, count):
    wide, narrow = np.zeros((2, 5), np.float32), np.zeros((2, count), np.float32)
    with pytest.raises(ValueError, match=r"slice_columns\(\): argument 'first'"):
        _core.slice_columns(narrow, wide, first)
    with pytest.raises(ValueError, match=r"slice_columns_backward\(\): argument 'first'"):
        _core.slice_columns_backward(wide, narrow, first)
