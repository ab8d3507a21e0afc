"""gather of shuffled rows from every dtype and memory layout, and scatter of predictions."""

import numpy as np
import pytest

from tests.ops.harness import RUNS, TARGETS, Guarded, _core
from tests.reference import gather as reference
from tests.tolerances import assert_close

DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "int64",
    "uint64",
    "bool",
    "float32",
    "float64",
)
SCALE, OFFSET = 1 / 255, -0.25


def data(dtype, rows, features, seed=0):
    rng = np.random.default_rng([seed, rows, features])
    if dtype == "bool":
        return rng.random((rows, features)) < 0.5
    low = 0 if dtype.startswith("u") else -100
    values = rng.integers(low, 101, (rows, features))
    return (values + (rng.random(values.shape) if "float" in dtype else 0)).astype(dtype)


def layouts(array):
    """The same values in memory orders whose rows are contiguous."""
    wide = np.zeros((len(array), array.shape[1] + 5), array.dtype)
    wide[:, 2:-3] = array
    spaced = np.zeros((2 * len(array), array.shape[1]), array.dtype)
    spaced[::2] = array
    backwards = np.ascontiguousarray(array[::-1])[::-1]
    readonly = array.copy()
    readonly.flags.writeable = False
    return {
        "contiguous": array,
        "wide": wide[:, 2:-3],
        "spaced": spaced[::2],
        "reversed": backwards,
        "readonly": readonly,
    }


def every_run():
    target, threads = _core.cpu_target(), _core.num_threads()
    try:
        for name in TARGETS:
            _core.set_cpu_target(name)
            for count, offset in RUNS:
                _core.set_num_threads(count)
                yield name, offset
    finally:
        _core.set_cpu_target(target)
        _core.set_num_threads(threads)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("features", [1, 31, 33, 300])
def test_gather(dtype, features):
    array = data(dtype, 50, features)
    order = np.random.default_rng(1).permutation(50)
    batch = 17
    expected = reference.forward(array, order[5 : 5 + batch], SCALE, OFFSET)
    first = None
    for target, offset in every_run():
        for layout, view in layouts(array).items():
            feed, out = _core.Feed(), Guarded((batch, features), np.float32, offset)
            feed.bind(view)
            _core.gather(out.array, feed, SCALE, OFFSET).run(rows=order, start=5)
            out.assert_untouched(f"{target} {layout}")
            assert_close(out.array, expected, "gather")
            if target != "scalar":
                first = out.array.copy() if first is None else first
                np.testing.assert_array_equal(out.array, first, err_msg=f"{target} {layout}")


def test_consecutive_rows():
    array, feed, out = data("uint8", 20, 7), _core.Feed(), np.empty((6, 7), np.float32)
    feed.bind(array)
    _core.gather(out, feed, 1.0, 0.0).run(start=9)
    np.testing.assert_array_equal(out, array[9:15])


def test_values_are_exact_without_scaling():
    for dtype in DTYPES:
        array, feed, out = data(dtype, 9, 13), _core.Feed(), np.empty((9, 13), np.float32)
        feed.bind(array)
        _core.gather(out, feed, 1.0, 0.0).run()
        np.testing.assert_array_equal(out, array.astype(np.float32), err_msg=dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels(dtype):
    labels = np.random.default_rng(2).integers(0, 100, 40).astype(dtype)
    order, feed, out = np.random.default_rng(3).permutation(40), _core.Feed(), np.empty(16, np.int32)
    feed.bind(labels[:, None])
    _core.gather(out, feed, 1.0, 0.0).run(rows=order, start=8)
    np.testing.assert_array_equal(out, labels[order[8:24]])


def test_data_of_several_axes_is_flattened():
    images = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    feed, out = _core.Feed(), np.empty((2, 12), np.float32)
    feed.bind(images)
    _core.gather(out, feed, 1.0, 0.0).run(rows=np.array([4, 1]))
    np.testing.assert_array_equal(out, images[[4, 1]].reshape(2, 12))


def test_scatter_writes_only_the_rows_of_the_batch():
    x = np.random.default_rng(4).standard_normal((4, 33)).astype(np.float32)
    for _ in every_run():
        feed, whole = _core.Feed(), np.full((10, 33), np.nan, np.float32)
        feed.bind(whole, writable=True)
        _core.scatter(feed, x).run(start=3)
        np.testing.assert_array_equal(whole[3:7], x)
        assert np.isnan(np.delete(whole, range(3, 7), axis=0)).all()
