"""sparsemax on every target."""

import numpy as np
import pytest

from tests.ops.harness import ROWS, SIZES, _core, check, normal, on_every_target
from tests.reference import sparsemax as reference


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("scale", [0.01, 0.5, 4.0])
def test_matches_the_definition(cols, scale):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols, scale=scale)
        check(
            "sparsemax",
            lambda o, i: _core.sparsemax(o.y, i.x),
            {"x": x},
            {"y": x.shape},
            {"y": reference.forward(x)},
        )


def test_long_rows():
    x = normal(np.random.default_rng(0), 3, 3000, scale=0.5)  # on a device, a block of threads shares a row
    for target, y in every(x):
        np.testing.assert_allclose(y, reference.forward(x), rtol=0, atol=1e-6, err_msg=target)


def every(x):
    results = on_every_target(lambda o, i: _core.sparsemax(o.y, i.x), {"x": x}, {"y": x.shape})
    return ((target, result["y"]) for target, result in results.items())


def test_huge_and_equal_values():
    x = np.array([[1e4, -1e4, 9e3], [3e38, 3e38, -3e38], [-1e4, -1e4, -1e4], [0.5, 0.0, -0.5]], np.float32)
    for target, y in every(x):
        expected = [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3, [0.75, 0.25, 0]]
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=0, err_msg=target)


def test_nan_stays_in_its_row_and_shows():
    x = np.zeros((3, 40), np.float32)
    x[1, 17] = np.nan
    for target, y in every(x):
        np.testing.assert_allclose(y[[0, 2]], 1 / 40, rtol=1e-6, err_msg=target)
        assert np.isnan(y[1]).any(), target
