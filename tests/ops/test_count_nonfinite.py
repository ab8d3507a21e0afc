"""count_nonfinite: counts and first places, in every dtype and layout."""

import numpy as np
import pytest

from tests.ops.harness import RUNS, TARGETS, _core, on_target
from tests.reference import count_nonfinite as reference

BAD = (np.nan, np.inf, -np.inf)


def spoiled(rng, shape, dtype, count):
    x = rng.standard_normal(shape).astype(dtype)
    flat = x.reshape(-1)
    for place in rng.choice(flat.size, min(count, flat.size), replace=False):
        flat[place] = rng.choice(BAD)
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_counts_and_finds_the_first(dtype, count):
    threads = _core.num_threads()
    try:
        for name in TARGETS:
            for workers, _ in RUNS:
                _core.set_num_threads(workers)
                rng = np.random.default_rng(count)
                for shape in ((1, 1), (1, 31), (33, 32), (257, 300), (5, 7, 3)):
                    x = spoiled(rng, shape, dtype, count)
                    with on_target(name):
                        found = tuple(_core.count_nonfinite(x))
                    assert found == reference.forward(x), f"{name} {workers} {shape}"
    finally:
        _core.set_num_threads(threads)


def test_large_finite_values_are_finite():
    x = np.array([[np.finfo(np.float32).max, -np.finfo(np.float32).max, 1e-45, 0.0]], np.float32)
    assert tuple(_core.count_nonfinite(x)) == (0, -1)


def test_rows_with_gaps():
    x = np.zeros((6, 40), np.float32)
    x[:, 30:] = np.nan  # outside the view
    x[4, 3] = np.inf
    for name in TARGETS:
        with on_target(name):
            assert tuple(_core.count_nonfinite(x[:, :30])) == (1, 4 * 30 + 3)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 31, 5000, 40_000])
def test_refuse_nonfinite(threads, size):
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        totals, gradients = [np.array([1.0, 2.0]), np.array([-3.0, 2.0])], np.ones(size, np.float32)
        step = _core.refuse_nonfinite(totals, gradients)
        step.run()
        for place in {0, size // 2, size - 1} if size else ():
            for value in (np.nan, np.inf, -np.inf):
                gradients[place] = value
                with pytest.raises(RuntimeError, match="argument 'gradients': not finite"):
                    step.run()
            gradients[place] = 1.0
        step.run()
        for total in totals:
            total[0] = np.nan
            with pytest.raises(RuntimeError, match="argument 'totals': not finite"):
                step.run()
            total[0] = 1.0
    finally:
        _core.set_num_threads(before)
    with pytest.raises(ValueError, match=r"^refuse_nonfinite\(\): argument 'totals'"):
        _core.refuse_nonfinite([np.zeros(3)], gradients)
