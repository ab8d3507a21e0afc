"""standardize: both directions, with and without mean, variances down to none."""

import numpy as np
import pytest

from tests.ops.harness import SIZES, _core, check, normal
from tests.reference import standardize as reference


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("invert", [False, True])
def test_values(cols, invert):
    rng = np.random.default_rng(cols)
    for rows in (1, 3, 34):
        x, mean, variance = normal(rng, rows, cols), normal(rng, cols), normal(rng, cols) ** 2
        variance[rng.random(cols) < 0.2] = 0.0
        for center in (mean, None):
            expected = reference.forward(x, center, variance, 1e-2, invert)
            check(
                "standardize",
                lambda o, i: _core.standardize(o.y, i.x, i.mean, i.variance, 1e-2, invert),
                {"x": x, "mean": center, "variance": variance},
                {"y": x.shape},
                {"y": expected},
                {"y": 1 + np.abs(expected) + np.abs(mean)},
            )
