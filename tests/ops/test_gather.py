"""gather of shuffled rows from every dtype and memory layout, and scatter of predictions."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, RUNS, TARGETS, Guarded, _core, on_target
from tests.reference import cast
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
    threads = _core.num_threads()
    try:
        for name in TARGETS:
            with on_target(name):
                for count, offset in RUNS:
                    _core.set_num_threads(count)
                    yield name, offset
    finally:
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


@pytest.mark.skipif(bool(CUDA), reason="on a device a step of its own rounds")
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(("batch", "features"), [(17, 1), (17, 33), (5, 300)])
def test_rounded_on_the_way(dtype, batch, features):
    array = data(dtype, 50, features)
    if dtype != "uint8":
        array[9, 0], array[7, -1] = np.inf, np.nan
    order = np.random.default_rng(1).permutation(50)
    for target, offset in every_run():
        feed, exact = _core.Feed(), np.empty((batch, features), np.float32)
        feed.bind(array)
        out = Guarded((batch, features), cast.STORED, offset // 2)
        _core.gather(exact, feed, SCALE, OFFSET).run(rows=order, start=5)
        _core.gather(out.array, feed, SCALE, OFFSET).run(rows=order, start=5)
        out.assert_untouched(target)
        found = out.array.view(np.uint16)
        np.testing.assert_array_equal(found, cast.narrow(exact).view(np.uint16), err_msg=target)


def test_consecutive_rows():
    array = data("uint8", 20, 7)
    for _ in every_run():
        feed, out = _core.Feed(), np.empty((6, 7), np.float32)
        feed.bind(array)
        _core.gather(out, feed, 1.0, 0.0).run(start=9)
        np.testing.assert_array_equal(out, array[9:15])


def test_values_are_exact_without_scaling():
    for dtype in DTYPES:
        array = data(dtype, 9, 13)
        for target in TARGETS:
            with on_target(target):
                feed, out = _core.Feed(), np.empty((9, 13), np.float32)
                feed.bind(array)
                _core.gather(out, feed, 1.0, 0.0).run()
            np.testing.assert_array_equal(out, array.astype(np.float32), err_msg=f"{dtype} {target}")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float64"])
def test_labels(dtype):
    labels = np.random.default_rng(2).integers(0, 100, 40).astype(dtype)
    order = np.random.default_rng(3).permutation(40)
    for _ in every_run():
        feed, out = _core.Feed(), np.empty(16, np.int32)
        feed.bind(labels[:, None])
        _core.gather(out, feed, 1.0, 0.0).run(rows=order, start=8)
        np.testing.assert_array_equal(out, labels[order[8:24]])


def test_values_that_are_no_labels():
    values = np.array([[3.0], [-1.0], [2.0**31], [np.nan]])
    for _ in every_run():
        feed, out = _core.Feed(), np.empty(4, np.int32)
        feed.bind(values)
        _core.gather(out, feed, 1.0, 0.0).run()
        assert out.tolist() == [3, -1, -1, -1]


def test_data_of_several_axes_is_flattened():
    images = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    feed, out = _core.Feed(), np.empty((2, 12), np.float32)
    feed.bind(images)
    _core.gather(out, feed, 1.0, 0.0).run(rows=np.array([4, 1]))
    np.testing.assert_array_equal(out, images[[4, 1]].reshape(2, 12))


def test_scatter_writes_only_the_rows_of_the_batch():
    x = np.random.default_rng(4).standard_normal((4, 33)).astype(np.float32)
    for _ in every_run():
        feed, whole = _core.Feed(writable=True), np.full((10, 33), np.nan, np.float32)
        feed.bind(whole)
        _core.scatter(feed, x).run(start=3)
        np.testing.assert_array_equal(whole[3:7], x)
        assert np.isnan(np.delete(whole, range(3, 7), axis=0)).all()


BATCHES = {
    "a row that is not there": ([0, 1, 2, 3, 4, 100], 0, "feed.*row 100"),
    "a row below the first": ([0, 1, -1, 3, 4, 5], 0, "feed.*row -1"),
    "too short an order": ([0, 1, 2, 3, 4], 0, "rows.*entries left"),
    "rows behind the last": (None, 95, r"feed.*row 100"),
}


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("op", ["gather", "scatter"])
def test_rows_out_of_range(case, op):
    """In the third of three batches: it is not read or written."""
    order, start, message = BATCHES[case]
    order = None if order is None else np.array(order)
    for _ in every_run():
        feed, whole, x = _core.Feed(True), np.zeros((100, 3), np.float32), np.ones((2, 3), np.float32)
        feed.bind(whole)
        step = _core.gather(x, feed, 1.0, 0.0) if op == "gather" else _core.scatter(feed, x)
        program = _core.Program([], [step])
        with pytest.raises(ValueError, match=message):
            _core.run(program, None, batches=3, batch_size=2, order=order, start=start)
        assert not whole[6:95].any()


def test_a_shorter_last_batch():
    array = data("float32", 11, 5)
    order = np.random.default_rng(5).permutation(11)
    for _ in every_run():
        source, target = _core.Feed(), _core.Feed(writable=True)
        copy = np.full_like(array, np.nan)
        source.bind(array)
        target.bind(copy)
        full, last = (
            _core.Program([_core.gather(x, source, 1.0, 0.0), _core.scatter(target, x)], [])
            for x in (np.empty((4, 5), np.float32), np.empty((3, 5), np.float32))
        )
        _core.run(full, last, batches=3, batch_size=4, order=order)
        np.testing.assert_array_equal(copy, array)
        copy[...] = np.nan
        _core.run(full, last, batches=3, batch_size=4)
        np.testing.assert_array_equal(copy, array)
