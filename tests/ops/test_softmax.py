"""softmax_forward and softmax_backward on every target."""

import numpy as np
import pytest

from tests.ops.harness import ROWS, SIZES, _core, check, normal, on_every_target
from tests.reference import softmax as reference


@pytest.mark.parametrize("cols", SIZES)
def test_matches_the_definition(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x, dy = normal(rng, rows, cols, scale=4.0), normal(rng, rows, cols)
        y = reference.forward(x).astype(np.float32)
        check(
            "softmax",
            lambda o, i: _core.softmax_forward(o.y, i.x),
            {"x": x},
            {"y": x.shape},
            {"y": reference.forward(x)},
        )
        check(
            "softmax",
            lambda o, i: _core.softmax_backward(o.dx, i.dy, i.y),
            {"dy": dy, "y": y},
            {"dx": x.shape},
            {"dx": reference.backward(dy, y)},
        )


def test_huge_logits_stay_finite_and_sum_to_one():
    x = np.array([[1e4, -1e4, 9e3], [3e38, 3e38, -3e38], [-1e4, -1e4, -1e4], [0, 0, 0]], np.float32)
    results = on_every_target(lambda o, i: _core.softmax_forward(o.y, i.x), {"x": x}, {"y": x.shape})
    expected = [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3, [1 / 3] * 3]
    for target, result in results.items():
        np.testing.assert_allclose(result["y"], expected, rtol=1e-6, atol=0, err_msg=target)


def test_nan_stays_in_its_row():
    x = np.zeros((3, 40), np.float32)
    x[1, 17] = np.nan
    results = on_every_target(lambda o, i: _core.softmax_forward(o.y, i.x), {"x": x}, {"y": x.shape})
    for target, result in results.items():
        np.testing.assert_allclose(result["y"][[0, 2]], 1 / 40, rtol=1e-6, err_msg=target)
        assert np.isnan(result["y"][1]).all(), target
