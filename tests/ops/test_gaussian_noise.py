"""gaussian_noise: added and multiplied, number by number, on every target."""

import numpy as np
import pytest

from tests.ops.harness import SIZES, _core, check, normal
from tests.reference import gaussian_noise as reference

SEED = 0x123456789ABCDEF0


@pytest.mark.parametrize("cols", [*SIZES, 64, 65, 129, 1000])
@pytest.mark.parametrize("multiplies", [False, True])
def test_values(cols, multiplies):
    for rows, stream, step in ((1, 0, 0), (3, 3, 41), (20, 7, 2**33 + 5)):
        x = normal(np.random.default_rng([rows, cols]), rows, cols)
        check(
            "gaussian_noise",
            lambda o, i, stream=stream: _core.gaussian_noise(o.y, i.x, 0.3, multiplies, SEED, stream),
            {"x": x},
            {"y": x.shape},
            {"y": reference.forward(x, 0.3, multiplies, SEED, stream, step)},
            step=step,
        )


def test_moments_and_independence():
    """131,072 draws: mean, deviation and tails of a normal distribution; other seeds, streams, steps unrelated."""
    shape = (512, 256)
    x = np.zeros(shape, np.float32)

    def drawn(seed, stream, step):
        y = np.empty_like(x)
        _core.gaussian_noise(y, x, 1.0, False, seed, stream).run(step=step)
        return y

    first = drawn(1, 0, 0)
    n = first.size
    assert abs(first.mean()) < 4 / np.sqrt(n)
    assert abs(first.var() - 1) < 4 * np.sqrt(2 / n)
    for bound, share in ((1.0, 0.31731), (2.0, 0.04550), (3.0, 0.0027)):
        assert abs((np.abs(first) > bound).mean() - share) < 5 * np.sqrt(share / n)
    for other in (drawn(2, 0, 0), drawn(1, 1, 0), drawn(1, 0, 1)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(n)
