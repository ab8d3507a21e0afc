"""random_rows: uniform numbers by row and column, whatever the threads and the batch."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import TARGETS, _core, check, execute, on_target
from tests.reference import random as reference


@pytest.mark.parametrize("cols", [1, 2, 15, 16, 17, 63, 64, 65, 200])
def test_values(cols):
    rng = np.random.default_rng(cols)
    low = rng.normal(size=cols).astype(np.float32)
    high = low + rng.random(cols).astype(np.float32)
    expected = reference.rows(9, low, high, seed=2**40 + 3, stream=5, step=7)
    check(
        "random_rows",
        lambda o, i: _core.random_rows(o.out, i.low, i.high, 2**40 + 3, 5),
        {"low": low, "high": high},
        {"out": (9, cols)},
        {"out": expected},
        step=7,
    )


def test_where_low_and_high_are_equal_that_number_comes_exactly():
    low = np.array([0.1, -7.3e10, 0.0], np.float32)
    for target in TARGETS:
        with on_target(target):
            result = execute(
                lambda o, i: _core.random_rows(o.out, i.low, i.low, 1, 0), {"low": low}, {"out": (5, 3)}
            )
        np.testing.assert_array_equal(result["out"], np.tile(low, (5, 1)))


def test_rows_do_not_depend_on_the_others():
    many = ops.random_rows(np.zeros((40, 2)), [0, 1, 2], [1, 2, 3], seed=4)
    np.testing.assert_array_equal(ops.random_rows(np.zeros((7, 2)), [0, 1, 2], [1, 2, 3], seed=4), many[:7])
    assert len(np.unique(many)) == many.size
    assert (np.floor(many) == [0, 1, 2]).all()
