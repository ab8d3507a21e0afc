"""Norms brought into an interval: every axis of every rank, all sizes, on every target."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import ROWS, SIZES, _core, check, normal
from tests.reference import norm_constraint as reference

LIMITS = ((0.0, 2.0, 1.0), (1.0, 1.0, 1.0), (3.0, 4.0, 0.25), (0.5, 9.0, 0.0))


@pytest.mark.parametrize("cols", SIZES)
def test_columns(cols):
    rng = np.random.default_rng(cols)
    for rows in (*ROWS, 784):
        w = normal(rng, rows, cols)
        w[:, 0] = 0.0  # a dead unit stays dead
        for low, high, rate in LIMITS:
            check(
                "norm_constraint",
                lambda o, i, p=(low, high, rate): _core.norm_constraint(o.w, *p),
                {},
                {"w": w[None]},
                {"w": reference.apply(w, low, high, rate)[None]},
            )


@pytest.mark.parametrize("shape", [(3, 3000, 1), (3, 50, 20)], ids=str)
def test_several_matrices(shape):
    w = normal(np.random.default_rng(0), *shape)
    check(
        "norm_constraint",
        lambda o, i: _core.norm_constraint(o.w, 1.0, 1.0, 1.0),
        {},
        {"w": w},
        {"w": np.stack([reference.apply(matrix, 1.0, 1.0, 1.0) for matrix in w])},
    )


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((7,), 0), ((300,), -1), ((33, 20), 1), ((33, 1), 1), ((5, 7, 9), 1), ((5, 7, 9), [0, 1]), ((5, 7), [1, 0])],
    ids=str,
)  # fmt: skip
def test_axes(shape, axis):
    w = normal(np.random.default_rng(1), *shape)
    before = w.copy()
    expected = reference.apply(w, 0.0, 0.5, 0.9, axis)
    np.testing.assert_allclose(ops.norm_constraint(w, 0.0, 0.5, 0.9, axis), expected, rtol=2e-6, atol=1e-7)
    np.testing.assert_array_equal(w, before)


@pytest.mark.parametrize(
    ("axis", "text"), [([0, 2], "follow one another"), (3, "at most 2"), ([], "follow one another")]
)
def test_wrong_axes(axis, text):
    with pytest.raises(ValueError, match=rf"^norm_constraint\(\): argument 'axis': .*{text}"):
        ops.norm_constraint(np.ones((2, 3, 4)), axis=axis)
