"""monte_carlo_accumulate, _deviation and _entropy against their definitions."""

import numpy as np
import pytest

from densor import _core as native
from tests.ops.harness import SIZES, TARGETS, _core, check, normal, on_target
from tests.reference import monte_carlo as reference


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("target", TARGETS)
def test_accumulate(cols, target):
    """Samples one after the other, as a program repeats them; the first overwrites what was there."""
    rng = np.random.default_rng(cols)
    rows, count = 5, 7
    noisy, base = np.empty((rows, cols), np.float32), normal(rng, rows, cols) + 3.0
    mean, squares = np.full((2, rows, cols), np.nan, np.float32)
    with on_target(target):
        steps = [
            native.gaussian_noise(noisy, base, 0.5, False, 9, 0),
            native.monte_carlo_accumulate(mean, squares, noisy),
        ]
        native.run(native.Program(steps, [], 0, count), None, batches=1, batch_size=rows, step=20)
        samples = []
        for step in range(20, 20 + count):
            steps[0].run(step=step)
            samples.append(noisy.copy())
    expected = reference.forward(samples)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(squares, expected[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cols", SIZES)
def test_deviation_and_entropy(cols):
    rng = np.random.default_rng(cols)
    p = rng.random((33, cols)).astype(np.float32)
    p[rng.random(p.shape) < 0.2] = 0.0
    p[rng.random(p.shape) < 0.1] = 1.0
    check(
        "monte_carlo",
        lambda o, i: _core.monte_carlo_deviation(o.deviation, i.squares, 7),
        {"squares": p},
        {"deviation": p.shape},
        {"deviation": np.sqrt(p.astype(np.float64) / 7)},
    )
    for independent in (False, True):
        check(
            "monte_carlo",
            lambda o, i, independent=independent: _core.monte_carlo_entropy(o.entropy, i.p, independent),
            {"p": p},
            {"entropy": (33,)},
            {"entropy": reference.entropy(p, independent)},
            {"entropy": np.full(33, 1.0 + 0.4 * cols)},
        )
