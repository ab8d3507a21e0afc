"""spectral_norm: the power iteration and the division, in place."""

import numpy as np
import pytest

from tests.ops.harness import TARGETS, _core, check, normal, on_every_target, on_target
from tests.reference import spectral_norm as reference


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 4), (17, 33), (40, 130), (300, 100)], ids=str)
@pytest.mark.parametrize("iterations", [1, 3])
def test_values(shape, iterations):
    rng = np.random.default_rng(shape)
    kernel, u = normal(rng, *shape), normal(rng, shape[1], scale=0.02)
    expected, after = reference.forward(kernel, u, iterations)
    check(
        "spectral_norm",
        lambda o, i: _core.spectral_norm(o.kernel, o.u, o.v, iterations),
        {},
        {"kernel": kernel, "u": u, "v": (shape[0],)},
        {"kernel": expected, "u": after},
    )


def test_many_iterations_find_the_largest_singular_value():
    kernel = normal(np.random.default_rng(0), 30, 20)
    results = on_every_target(
        lambda o, i: _core.spectral_norm(o.kernel, o.u, o.v, 200),
        {},
        {"kernel": kernel, "u": np.ones(20, np.float32), "v": (30,)},
    )
    for result in results.values():
        np.testing.assert_allclose(np.linalg.norm(result["kernel"].astype(np.float64), 2), 1.0, rtol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_zeros_stay_zeros(target):
    kernel, u = np.zeros((3, 4), np.float32), np.ones(4, np.float32)
    with on_target(target):
        _core.spectral_norm(kernel, u, np.empty(3, np.float32), 2).run()
    np.testing.assert_array_equal(kernel, 0.0)
    np.testing.assert_array_equal(u, 1.0)
