"""label_range: values that are no class numbers, counted in every dtype and layout, and the first of them."""

import numpy as np
import pytest

from tests.ops.harness import RUNS, TARGETS, _core, on_target

CLASSES = 10
DTYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64")


def wrong(y, classes, ignored=None):
    """The definition: neither a whole number in [0, classes) nor the one that is ignored."""
    y = y.astype(np.float64)
    bad = np.flatnonzero(~((y >= 0) & (y < classes) & (y == np.floor(y)) | (y == ignored)))
    return len(bad), int(bad[0]) if len(bad) else -1


def on_all(y, *arguments):
    """What every target and number of threads finds; they must agree."""
    threads, found = _core.num_threads(), set()
    try:
        for name in TARGETS:
            for workers, _ in RUNS:
                _core.set_num_threads(workers)
                with on_target(name):
                    found.add(tuple(_core.label_range(y, *arguments)))
    finally:
        _core.set_num_threads(threads)
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (31, 1), (257, 1), (40, 33), (70, 90)])
def test_counts_and_finds_the_first(dtype, shape):
    rng = np.random.default_rng(len(shape))
    y = rng.integers(0, CLASSES, shape).astype(dtype)
    assert on_all(y, CLASSES) == (0, -1)
    flat = y.reshape(-1)
    for place in rng.choice(flat.size, min(5, flat.size), replace=False):
        flat[place] = CLASSES + rng.integers(3)
    assert on_all(y, CLASSES) == wrong(y, CLASSES)


@pytest.mark.parametrize("value", [-1, -128, 10, 127])
def test_the_limits(value):
    y = np.zeros(50, np.int8)
    y[[0, 49]] = CLASSES - 1
    y[33] = value
    assert on_all(y, CLASSES) == (1, 33)
    assert on_all(y, CLASSES, value) == (0, -1), "this one is ignored"
    assert on_all(y, CLASSES, value + 1 if value < 127 else 0) == (1, 33)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5, -0.5, 9.5, 1e300])
def test_numbers_that_are_not_whole(value):
    y = np.arange(50.0) % CLASSES
    y[[7, 40]] = value
    assert on_all(y, CLASSES) == (2, 7)


@pytest.mark.parametrize("value", [2**31, 2**32, 2**63 - 1])
def test_numbers_beyond_int32(value):
    for dtype in ("int64", "uint64"):
        assert on_all(np.array([[3], [value]], dtype), 2**31 - 1) == (1, 1)
    assert on_all(np.array([2**64 - 1], np.uint64), CLASSES, -1) == (1, 0), "-1 is another number"


def test_rows_with_gaps_and_no_rows():
    y = np.full((6, 40), -1, np.int32)  # outside the view
    y[:, :3] = 1
    y[4, 2] = CLASSES
    assert on_all(y[:, :3], CLASSES) == (1, 4 * 3 + 2)
    assert on_all(y[:0], CLASSES) == (0, -1)


def test_what_is_no_array_of_numbers():
    with pytest.raises(TypeError, match=r"^label_range\(\): argument 'labels': dtype float16 is not read"):
        _core.label_range(np.zeros(3, np.float16), CLASSES)
    with pytest.raises(TypeError, match=r"^label_range\(\): argument 'labels': expected an array"):
        _core.label_range(None, CLASSES)
    with pytest.raises(ValueError, match=r"^label_range\(\): argument 'classes'"):
        _core.label_range(np.zeros(3, np.int32), 0)
